// From when to when installs said what: one row for each thing said, written when it changes and at no other time.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { changeCustomer, createCustomer } from '../../../server/db/customers.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { reportRows } from '../../../server/db/records.ts';
import { type Received, writeReports } from '../../../server/db/reports.ts';
import { KEPT_SPANS, KEPT_SPANS_MS, type SpanKind, type SpanRow } from '../../../server/db/span-row.ts';
import { forgetSpans } from '../../../server/db/spans.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import type { Report } from '../../../shared/protocol/report.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Decision } from '../../../shared/schema/decision.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { openAt } from '../../support/databases.ts';
import { digestOfText, NOW } from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';

const KEY = 'A'.repeat(43);
const AUTH = 'core/auth' as ComponentKey;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
let [dir, instance] = ['', ''];
let db: Database;
let sequence = 0;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-spans-'));
  db = await openAt(join(dir, 'fairlead.db'));
  instance = await enrol('one');
  sequence = 0;
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

const running = (version: string): Partial<Report> => ({
  components: [
    {
      ...{ component: AUTH, version: parseVersion(version), tree: digestOfText('tree') },
      health: 'healthy',
    },
  ],
});
const EXPOSED = { advisory: 'FL-1', severity: 'critical', component: AUTH, version: '1.0.0' };
const REASON: Decision['blockers'][number] = {
  ...{ code: 'window-closed', message: 'opens at 02:00', source: 'windows', owner: 'time' },
};
const deciding = (more: Partial<Decision>): Decision => ({
  ...{ verdict: 'wait', target: null, blockers: [], exposed: [] },
  ...more,
});

async function enrol(name: string): Promise<string> {
  const { code } = await createEnrolment(db, { name, actor: 'test' }, NOW);
  const agent = { code, publicKey: KEY, hostname: 'host', agentVersion: '0.1.0' };
  return (await redeemEnrolment(db, agent, NOW)).instance;
}

function from(minutes: number, said: Partial<Report>, digest: string | null = null): Received {
  const received = NOW + minutes * MINUTE;
  const rows = reportRows(reportOf(++sequence, said), received, digest);
  return { instance, key: KEY, boot: null, rows, received };
}

const tell = (...batch: readonly Received[]) => transact(db, 'committed', (trx) => writeReports(trx, batch));

async function spans(...kinds: readonly SpanKind[]): Promise<readonly SpanRow[]> {
  const all = db.selectFrom('spans').selectAll().where('instance', '=', instance);
  return (await all.orderBy('since').orderBy('kind').execute()).filter(
    ({ kind }) => kinds.length === 0 || kinds.includes(kind),
  );
}
const told = (rows: readonly SpanRow[]) =>
  rows.map(({ subject, value, since, until }) => [
    ...[subject, value, minutesOf(since), until === null ? null : minutesOf(until)],
  ]);
const minutesOf = (at: string) => (Date.parse(at) - NOW) / MINUTE;

it('keeps which version ran from when to when, with the reports that said so', async () => {
  await tell(from(0, running('1.0.0'), 'first'));
  await tell(from(15, running('1.0.0'), 'second'));
  await tell(from(30, running('1.0.1'), 'third'));

  const [old, now] = await spans();
  expect(told([old, now] as SpanRow[])).toEqual([
    [AUTH, '1.0.0', 0, 30],
    [AUTH, '1.0.1', 30, null],
  ]);
  expect(old).toMatchObject({ since_report: 'first', heard_before: null, until_report: 'third' });
  expect(now).toMatchObject({ since_report: 'third', heard_before: formatInstantMs(NOW + 15 * MINUTE) });
});

it('takes what it heard by a clock that was ahead for now at the latest, also where the same is said', async () => {
  await tell(from(0, running('1.0.0')));
  await tell(from(600, running('1.0.1'), 'ahead'));
  await tell(from(20, running('1.0.1'), 'ahead'));
  expect(told((await spans('runs')).filter(({ value }) => value === '1.0.1'))).toEqual([
    [AUTH, '1.0.1', 20, null],
  ]);

  await tell(from(30, running('1.0.2')));
  expect(told(await spans('runs'))).toEqual([
    [AUTH, '1.0.0', 0, 600],
    [AUTH, '1.0.1', 20, 30],
    [AUTH, '1.0.2', 30, null],
  ]);
});

it('sees several reports that come together one after the other', async () => {
  await tell(from(0, running('1.0.0')), from(1, running('1.0.1')), from(2, running('1.0.0')));

  expect(told(await spans())).toEqual([
    [AUTH, '1.0.0', 0, 1],
    [AUTH, '1.0.1', 1, 2],
    [AUTH, '1.0.0', 2, null],
  ]);
});

it('writes nothing while what is said stays the same, whatever the wording of a reason', async () => {
  const waiting = (message: string) => ({
    ...running('1.0.0'),
    decision: deciding({ exposed: [EXPOSED], blockers: [{ ...REASON, message }] }),
  });
  await tell(from(0, waiting('opens in 3 h')));
  // What would be written again would have another report beside it.
  const before = await spans();
  await tell(from(15, waiting('opens in 2 h'), 'another'));
  await tell(from(30, waiting('opens in 1 h'), 'a third'));

  expect(await spans()).toEqual(before);
  expect(before.map(({ kind }) => kind).sort()).toEqual(['named', 'reason', 'runs']);
});

it('keeps which advisory its agent knew, what was on offer and what it waited for, until it says so no longer', async () => {
  const target = { kind: 'emergency', manifest: digestOfText('to'), plan: digestOfText('plan') } as const;
  await tell(from(0, { ...running('1.0.0'), decision: deciding({}) }));
  await tell(
    from(5, {
      ...running('1.0.0'),
      decision: deciding({ exposed: [EXPOSED], target, blockers: [REASON] }),
    }),
  );
  await tell(from(9, { ...running('1.0.1'), decision: deciding({ verdict: 'current' }) }));

  expect(told(await spans('named', 'offer', 'reason'))).toEqual([
    ['FL-1', 'core/auth@1.0.0', 5, 9],
    [target.plan, 'order', 5, 9],
    ['window-closed', 'windows', 5, 9],
  ]);
  const [offer] = await spans('offer');
  expect(JSON.parse(offer?.detail ?? '')).toEqual({ manifest: target.manifest, advisories: [] });
});

it('keeps no reason of an install that is not exposed: what else it waits for is no matter of these', async () => {
  await tell(from(0, { ...running('1.0.0'), decision: deciding({ blockers: [REASON] }) }));

  expect(await spans('reason')).toEqual([]);
});

it('ties what runs to the record that brought it, also where that is told later', async () => {
  const steps = [{ component: AUTH, from: null, to: parseVersion('1.0.1'), change: 'CHG-1' }];
  const [soaking, committed] = (['soaking', 'committed'] as const).map((state) =>
    recordOf(4, state, 'CHG-1', { steps }),
  );
  await tell(from(0, running('1.0.0')));
  await tell(from(5, { ...running('1.0.1'), records: soaking === undefined ? [] : [soaking] }));
  expect((await spans('runs')).map(({ proof }) => proof)).toEqual([null, null]);
  await tell(from(7, { ...running('1.0.1'), records: committed === undefined ? [] : [committed] }));

  const proof = JSON.parse((await spans('runs')).at(-1)?.proof ?? 'null');
  const { body } = await db.selectFrom('deployments').select('body').executeTakeFirstOrThrow();
  expect(proof).toMatchObject({ record: 4, plan: committed?.plan, at: committed?.stages.at(-1)?.at });
  expect(proof.digest).toBe(digestOf(utf8(body)));
  expect(minutesOf(proof.told)).toBe(7);
});

it('keeps when nothing was heard for longer than a day', async () => {
  await tell(from(0, running('1.0.0')));
  await tell(from(60, running('1.0.0')));
  await tell(from(60 + 25 * 60, running('1.0.0')));

  expect(told(await spans('silent'))).toEqual([['', '', 60, 60 + 25 * 60]]);
});

it('takes all that an install says as new where nothing is known of it', async () => {
  await tell(from(0, running('1.0.0'), 'digest'));
  await db.deleteFrom('spans').execute();
  await sql`update instances set said = null`.execute(db);
  await tell(from(15, running('1.0.0'), 'digest'));

  expect(told(await spans())).toEqual([[AUTH, '1.0.0', 15, null]]);
});

it('lets an install that says something else all day fill nothing, and says what it made us forget', async () => {
  const flips = Array.from({ length: 50 }, (_, i) => i);
  const wide = (i: number) => ({
    components: Array.from({ length: 100 }, (_, n) => ({
      ...{ component: `core/c${n}` as ComponentKey, version: parseVersion(`1.0.${i}`) },
      ...({ tree: digestOfText('tree'), health: 'healthy' } as const),
    })),
  });
  for (const i of flips) await tell(from(i, wide(i)));

  const kept = await spans('runs');
  expect(kept.length).toBe(KEPT_SPANS + 100);
  const [forgotten] = await spans('forgotten');
  // The last of a hundred at once that all ended with the next report.
  expect(minutesOf(forgotten?.until ?? '')).toBe(50 - 1 - KEPT_SPANS / 100);
  expect(kept.every(({ until }) => until === null || until > (forgotten?.until ?? ''))).toBe(true);
});

it('forgets what ran last: an install that waits for something else all day does not make us forget what it ran', async () => {
  const waiting = (i: number) => ({
    ...running('1.0.1'),
    decision: deciding({
      exposed: [EXPOSED],
      blockers: Array.from({ length: 100 }, (_, n) => ({ ...REASON, source: `windows ${i} ${n}` })),
    }),
  });
  await tell(from(0, running('1.0.0')));
  for (let i = 1; i <= 30; i++) await tell(from(i, waiting(i)));

  expect(told(await spans('runs'))).toEqual([
    [AUTH, '1.0.0', 0, 1],
    [AUTH, '1.0.1', 1, null],
  ]);
  expect(await spans('reason')).toHaveLength(KEPT_SPANS - 1 + 100);
  const [forgotten] = await spans('forgotten');
  expect(minutesOf(forgotten?.until ?? '')).toBe(30 - KEPT_SPANS / 100 + 1);
});

it('forgets what ended ten years ago, and nothing that stands', async () => {
  await tell(from(0, running('1.0.0')), from(1, running('1.0.1')));
  await transact(db, 'committed', (trx) => forgetSpans(trx, NOW + MINUTE + KEPT_SPANS_MS));
  expect(await spans('runs')).toHaveLength(2);
  await transact(db, 'committed', (trx) => forgetSpans(trx, NOW + MINUTE + KEPT_SPANS_MS + 1));
  expect(told(await spans('runs'))).toEqual([[AUTH, '1.0.1', 1, null]]);
});

it('keeps whose an install was from when to when', async () => {
  const make = (name: string) => transact(db, 'committed', (trx) => createCustomer(trx, name, 'test', NOW));
  const [first, second] = [await make('first'), await make('second')];
  const own = (id: string, name: string, instances: readonly string[], hours: number) =>
    transact(db, 'committed', (trx) =>
      changeCustomer(trx, { id, name, instances }, () => undefined, 'test', NOW + hours * HOUR),
    );
  await own(first.id, 'first', [instance], 1);
  await own(first.id, 'renamed', [instance], 2);
  await own(first.id, 'renamed', [], 3);
  await own(second.id, 'second', [instance], 4);

  expect(told(await spans('owned'))).toEqual([
    [first.id, '', 60, 180],
    [second.id, '', 240, null],
  ]);
});
