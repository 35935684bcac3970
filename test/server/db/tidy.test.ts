// What nobody asks for any more goes, and what somebody may still ask for stays.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { addJob, failJob, takeJob } from '../../../server/db/jobs.ts';
import { makeMark, transactOnce } from '../../../server/db/once.ts';
import type { Database, Tables } from '../../../server/db/tables.ts';
import { tidy } from '../../../server/db/tidy.ts';
import { admitToken, revokeTokens } from '../../../server/db/tokens.ts';
import { transact } from '../../../server/db/transact.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';

const DAY_MS = 86_400_000;

let dir: string;
let db: Database;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-tidy-'));
  db = await openAt(join(dir, 'fairlead.db'));
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

const agent = { publicKey: 'A'.repeat(43), hostname: 'host', agentVersion: '0.1.0' };
const tidyAt = (at: number) => transact(db, 'committed', (trx) => tidy(trx, at));
const count = async (table: keyof Tables) => (await db.selectFrom(table).selectAll().execute()).length;

it('a code that was never used goes thirty days after its end, one that was used never', async () => {
  const { code } = await createEnrolment(db, { name: 'used', actor: 'test' }, NOW);
  await createEnrolment(db, { name: 'unused', actor: 'test' }, NOW);
  const first = await redeemEnrolment(db, { ...agent, code }, NOW);

  await tidyAt(NOW + 36 * DAY_MS);
  expect(await count('enrolments')).toBe(2);
  await tidyAt(NOW + 38 * DAY_MS);

  expect(await count('enrolments')).toBe(1);
  expect(await redeemEnrolment(db, { ...agent, code }, NOW + 400 * DAY_MS)).toEqual(first);
});

it('a revoked token lets nobody in again, however long ago that was', async () => {
  const token = { text: 'flt_1', name: 'ci', role: 'viewer', actor: 'test' } as const;
  await admitToken(db, { ...token, expires: NOW + DAY_MS }, NOW);
  await revokeTokens(db, 'ci', 'test', NOW);

  await tidyAt(NOW + 400 * DAY_MS);
  await admitToken(db, { ...token, expires: NOW + 500 * DAY_MS }, NOW + 400 * DAY_MS);

  expect(await db.selectFrom('tokens').select('revoked_at').execute()).toEqual([
    { revoked_at: formatInstantMs(NOW) },
  ]);
});

it('an answer that was kept for a repetition goes after its day, whether or not anybody asks', async () => {
  const mark = makeMark('token', 'POST /x', 'b3a1', 'body');
  await transactOnce(db, mark, NOW, async () => ({ code: 'secret' }));

  await tidyAt(NOW + DAY_MS);
  expect(await count('repeats')).toBe(1);
  await tidyAt(NOW + DAY_MS + 1);

  expect(await count('repeats')).toBe(0);
});

it('a job that was given up is seen for thirty days', async () => {
  await addJob(db, { id: 'a', kind: 'once', due: NOW });
  const held = await takeJob(db, [{ kind: 'once', longestMs: DAY_MS }], 'test', NOW);
  if (held === null) throw new Error('it is due');
  await failJob(db, held, 'no space', null, NOW);

  await tidyAt(NOW + 30 * DAY_MS);
  expect(await count('jobs')).toBe(1);
  await tidyAt(NOW + 30 * DAY_MS + 1);

  expect(await count('jobs')).toBe(0);
});

it('of proposals that lapsed the newest five hundred of an install stay, also where groups alone were proposed to', async () => {
  const { code } = await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);
  const { instance } = await redeemEnrolment(db, { ...agent, code }, NOW);
  const lapsed = Array.from({ length: 600 }, (_, i) => ({
    ...{ id: randomUUID(), instance, group_name: 'all', policy: null, kind: 'unpin', revision: 1, untold: 0 },
    ...{ wish: '{"kind":"unpin","component":"core"}', status: 'proposed', reason: 'x', proposed_by: 'x' },
    ...{ created_at: formatInstantMs(NOW + i), updated_at: formatInstantMs(NOW + i) },
    ...{ expires_at: formatInstantMs(NOW + DAY_MS), answered_at: null, answer: null },
  }));
  await db
    .insertInto('proposals')
    .values(lapsed as never)
    .execute();
  expect(await count('proposals')).toBe(600);

  await tidyAt(NOW + 2 * DAY_MS);

  expect(await count('proposals')).toBe(500);
});
