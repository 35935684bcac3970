// Heartbeats at the server: taken where they name the report that is held, and in no other case.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { reportRows } from '../../../server/db/records.ts';
import { type Received, type Taken, writeReports } from '../../../server/db/reports.ts';
import { changeStanding } from '../../../server/db/standing.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';
import { reportOf } from '../../support/reports.ts';

const KEY = 'A'.repeat(43);
let [dir, instance] = ['', ''];
let db: Database;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-heartbeats-'));
  db = await openAt(join(dir, 'fairlead.db'));
});
afterAll(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});
beforeEach(async () => {
  instance = await enrol();
});

async function enrol(): Promise<string> {
  const { code } = await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);
  const agent = { code, publicKey: KEY, hostname: 'host', agentVersion: '0.1.0' };
  return (await redeemEnrolment(db, agent, NOW)).instance;
}

const from = (received: number, boot: string | null) => ({ instance, key: KEY, boot, received });
const whole = (
  sequence: number,
  digest: string | null,
  received = NOW,
  boot: string | null = null,
): Received => ({
  ...from(received, boot),
  rows: reportRows(reportOf(sequence), received, digest),
});
const beat = (sequence: number, digest: string, received = NOW, boot: string | null = null): Received => ({
  ...from(received, boot),
  beat: { sequence, digest },
});

async function write(...batch: readonly Received[]): Promise<readonly string[]> {
  const taken = await transact(db, 'committed', (trx) => writeReports(trx, batch));
  const show = (one: Taken) => `${one.sequence}${one.isHeld ? '' : ', not held'}`;
  return taken.map((one) => (one instanceof FairleadError ? one.code : show(one)));
}

const row = () => db.selectFrom('instances').selectAll().where('id', '=', instance).executeTakeFirstOrThrow();

const standing = (to: 'retired' | null) =>
  transact(db, 'committed', (trx) =>
    changeStanding(trx, { id: instance, to, reason: 'a test', actor: 'test' }, () => undefined, NOW),
  );

it('moves number and time on, and leaves no second copy of the report', async () => {
  await write(whole(1, 'D1'));

  expect(await write(beat(2, 'D1', NOW + 60_000))).toEqual(['2']);

  expect(await row()).toMatchObject({ last_sequence: 2, last_seen: formatInstantMs(NOW + 60_000) });
  const kept = await db.selectFrom('reports').selectAll().where('instance', '=', instance).execute();
  expect(kept.map(({ sequence }) => sequence)).toEqual([1]);
});

it.each<[string, () => readonly Received[], readonly string[]]>([
  ['before any report', () => [beat(1, 'D1')], ['0, not held']],
  ['of another report', () => [whole(1, 'D1'), beat(2, 'D2')], ['1', '1, not held']],
  [
    'of a report before the last',
    () => [whole(1, 'D1'), whole(2, 'D2'), beat(3, 'D1')],
    ['1', '2', '2, not held'],
  ],
  ['of a report without a digest', () => [whole(1, null), beat(2, 'D1')], ['1', '1, not held']],
  ['that comes late', () => [whole(1, 'D1'), beat(3, 'D1'), beat(2, 'D1')], ['1', '3', '3, not held']],
  [
    'behind which an older report comes',
    () => [whole(1, 'D1'), beat(3, 'D1'), whole(2, 'D2'), beat(4, 'D1')],
    ['1', '3', '3, not held', '4'],
  ],
  ['after a day of silence', () => [whole(1, 'D1', NOW - 86_400_001), beat(2, 'D1')], ['1', '1, not held']],
  [
    'in one batch with its report and the next',
    () => [whole(1, 'D1'), beat(2, 'D1'), whole(3, 'D2'), beat(4, 'D2')],
    ['1', '2', '3', '4'],
  ],
])('is answered as it should be: one %s', async (_what, batch, expected) => {
  expect(await write(...batch())).toEqual(expected);
  const { last_sequence: last } = await row();
  expect(`${last}`).toBe(expected.at(-1)?.split(',')[0]);
});

it('or a report whose number another has is not taken for it: a restored disk counts again', async () => {
  await write(whole(1, 'D1'));

  // Sent twice by somebody on the way it is the same; otherwise its sender goes on behind this number.
  expect(await write(whole(1, 'D1'), whole(1, 'D2'))).toEqual(['1, not held', '2, not held']);
  expect(await write(beat(2, 'D1'), whole(2, 'D2'), whole(4, 'D2'))).toEqual(['2', '3, not held', '4']);
});

it('says nothing of an install that was retired and came back: its components are told anew', async () => {
  await write(whole(1, 'D1'));
  await standing('retired');
  expect(await write(beat(2, 'D1'))).toEqual(['instance/retired']);
  await standing(null);

  expect(await write(beat(3, 'D1'))).toEqual(['1, not held']);

  await write(whole(4, 'D1'));
  expect((await row()).running).not.toBeNull();
});

it('is refused alone in its batch, with the wrong key or from nobody', async () => {
  const stranger = { ...beat(2, 'D1'), key: 'B'.repeat(43) };
  const nobody = { ...beat(2, 'D1'), instance: 'nobody' };

  expect(await write(stranger, whole(1, 'D1'), nobody, beat(2, 'D1'))).toEqual([
    ...['auth/refused', '1', 'auth/refused', '2'],
  ]);
});

it('betrays a copy as a report does: two that beat in turns are noticed', async () => {
  await write(whole(1, 'D1', NOW, 'boot-one'));
  for (let i = 2; i < 6; i++) await write(beat(i, 'D1', NOW + i, i % 2 === 0 ? 'boot-two' : 'boot-one'));

  expect((await row()).twins_heard).not.toBeNull();
});
