// The server's audit log: whatever is changed, taken out or cut off is found, and the checkpoint is not fooled.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditStanding, readAuditHead, verifyAudit } from '../../../server/db/audit-chain.ts';
import { createEnrolment } from '../../../server/db/enrolments.ts';
import type { Database } from '../../../server/db/tables.ts';
import { checkpointAudit } from '../../../server/jobs/watch.ts';
import { readCheckpoint } from '../../../server/repository/layout.ts';
import { openAt } from '../../support/databases.ts';
import { dataOf, rejectionOf } from '../../support/error-code.ts';
import { NOW } from '../../support/publications.ts';
import { startTestServer } from '../../support/server-under-test.ts';

let dir: string;
let db: Database;
let before: AuditStanding;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-audit-'));
  db = await openAt(join(dir, 'fairlead.db'));
  for (const name of ['one', 'two', 'three', 'four']) await createEnrolment(db, { name, actor: 'test' }, NOW);
  before = await readAuditHead(db);
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

const checkpointOf = ({ count, digest }: AuditStanding) => ({ count, digest: digest ?? '' });

it('holds as it was written, with and without a checkpoint', async () => {
  expect(await verifyAudit(db, null)).toEqual(before);
  expect(await verifyAudit(db, checkpointOf(before))).toEqual(before);
  expect(before.count).toBe(4);
});

it('of a new server is empty, and holds', async () => {
  await sql`delete from audit`.execute(db);

  expect(await verifyAudit(db, null)).toEqual({ count: 0, digest: null });
});

it.each([
  ['an actor was changed', sql`update audit set actor = 'nobody' where sequence = 2`, 2],
  ['details were changed', sql`update audit set details = '{}' where sequence = 3`, 3],
  ['an entry was taken out', sql`delete from audit where sequence = 2`, 2],
  ['the first was taken out', sql`delete from audit where sequence = 1`, 1],
  ['two were exchanged', sql`update audit set subject = 'x', digest = previous where sequence = 4`, 4],
])('does not hold where %s', async (_what, change, sequence) => {
  await change.execute(db);

  const refusal = await rejectionOf(verifyAudit(db, null));

  expect(dataOf(refusal, 'server/audit-broken').sequence).toBe(sequence);
});

describe('a checkpoint', () => {
  it.each([
    ['an end that was cut off', 'delete from audit where sequence > 2', 3],
    ['all of it gone', 'delete from audit', 1],
  ])('finds %s', async (_what, text, sequence) => {
    await sql.raw(text).execute(db);
    expect(await verifyAudit(db, null)).toMatchObject({ count: sequence - 1 });

    const refusal = await rejectionOf(verifyAudit(db, checkpointOf(before)));

    expect(dataOf(refusal, 'server/audit-broken').sequence).toBe(sequence);
  });

  it('finds an end that was written anew', async () => {
    await sql`delete from audit where sequence > 3`.execute(db);
    await createEnrolment(db, { name: 'another', actor: 'test' }, NOW);
    expect((await verifyAudit(db, null)).count).toBe(4);

    expect((await rejectionOf(verifyAudit(db, checkpointOf(before)))).code).toBe('server/audit-broken');
  });
});

describe('the checkpoint that a server keeps', () => {
  it('moves on with the log, and stays where it was once the log does not hold', async () => {
    const server = await startTestServer();
    const { context, layout } = server;
    await createEnrolment(context.db, { name: 'one', actor: 'test' }, NOW);
    await checkpointAudit(context);
    const first = await readCheckpoint(layout);
    await createEnrolment(context.db, { name: 'two', actor: 'test' }, NOW);
    await checkpointAudit(context);
    const second = await readCheckpoint(layout);
    await sql`delete from audit where sequence = 2`.execute(context.db);
    await createEnrolment(context.db, { name: 'three', actor: 'test' }, NOW);
    await createEnrolment(context.db, { name: 'four', actor: 'test' }, NOW);

    await checkpointAudit(context);

    expect([first?.count, second?.count]).toEqual([1, 2]);
    expect(await readCheckpoint(layout)).toEqual(second);
    await server.close();
  });
});
