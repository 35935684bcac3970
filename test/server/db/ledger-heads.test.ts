// The heads of installs' logs at the server: kept, held against those before, and answered with the head of the server's own log.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { appendAudit, listRestores, readAudit } from '../../../server/db/audit.ts';
import { readAuditHead } from '../../../server/db/audit-chain.ts';
import { clearBackupMark, writeBackupMark } from '../../../server/db/backup-marks.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import {
  HEADS_OF_A_DAY,
  KEPT_HEAD_DAYS,
  MOST_BRANCHES,
  readHeads,
  WHOLE_HEAD_DAYS,
} from '../../../server/db/ledger-kept.ts';
import { reportRows } from '../../../server/db/records.ts';
import { type Taken, writeReports } from '../../../server/db/reports.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { LedgerClaim } from '../../../shared/protocol/receipt.ts';
import { openAt } from '../../support/databases.ts';
import { digestOfText, NOW } from '../../support/publications.ts';
import { reportOf } from '../../support/reports.ts';

const KEY = 'A'.repeat(43);
const DAY_MS = 86_400_000;
let [dir, instance] = ['', ''];
let db: Database;
let sequence = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-ledger-'));
  db = await openAt(join(dir, 'fairlead.db'));
});
afterAll(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});
beforeEach(async () => {
  await clearBackupMark(db, 'restores');
  const { code } = await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);
  const agent = { code, publicKey: KEY, hostname: 'host', agentVersion: '0.1.0' };
  instance = (await redeemEnrolment(db, agent, NOW)).instance;
  sequence = 0;
});

const digest = (text: string) => digestOfText(text) as Digest;
const claim = (count: number, text = `${count}`, more: Partial<LedgerClaim> = {}): LedgerClaim => ({
  ...{ count, digest: digest(text), seen: null },
  ...more,
});

async function tell(...claims: readonly (LedgerClaim | undefined)[]): Promise<readonly Taken[]> {
  return tellAt(NOW, ...claims);
}

async function tellAt(
  received: number,
  ...claims: readonly (LedgerClaim | undefined)[]
): Promise<readonly Taken[]> {
  const batch = claims.map((ledger) => {
    const report = reportOf(++sequence, ledger === undefined ? {} : { ledger });
    return { instance, key: KEY, boot: null, rows: reportRows(report, received), received };
  });
  const taken = await transact(db, 'committed', (trx) => writeReports(trx, batch));
  return taken.map((one) => {
    if (one instanceof FairleadError) throw one;
    return one;
  });
}

async function kept(): Promise<readonly (readonly [number, Digest])[]> {
  const found: (readonly [number, Digest])[] = [];
  for await (const { entries, digest: of } of readHeads(db, instance)) found.push([entries, of as Digest]);
  return found;
}

async function forks(): Promise<readonly unknown[]> {
  const events = db.selectFrom('events').select('details').where('kind', '=', 'ledger.forked');
  const rows = await events.where('instance', '=', instance).orderBy('id').execute();
  return rows.map(({ details }) => JSON.parse(details));
}

it('answers with the head that was named and that of its own log, once the report is kept', async () => {
  const [taken] = await tell(claim(7));

  const { count, digest: of } = await readAuditHead(db);
  expect(taken?.witnessed).toEqual({
    agent: { count: 7, digest: digest('7') },
    server: { count, digest: of },
    seen: null,
  });
  expect((await tell(undefined))[0]?.witnessed).toBeNull();
});

it('keeps the first and the last head of each day on which the log moved, of the newest hundred', async () => {
  await tell(claim(1), claim(2), claim(2));
  await tellAt(NOW + DAY_MS, claim(2));
  await tellAt(NOW + 2 * DAY_MS, claim(5), claim(6));
  expect((await kept()).map(([count]) => count)).toEqual([1, 2, 5, 6]);

  for (let day = 3; day < KEPT_HEAD_DAYS + 3; day++) await tellAt(NOW + day * DAY_MS, claim(10 + day));
  const counts = (await kept()).map(([count]) => count);
  expect([counts.length, counts[0], counts.at(-1)]).toEqual([KEPT_HEAD_DAYS, 13, 12 + KEPT_HEAD_DAYS]);
});

it('keeps every head of the last days, so that a log told otherwise within a day parts from one', async () => {
  const counts = Array.from({ length: 2 * HEADS_OF_A_DAY }, (_, i) => i + 1);
  await tell(...counts.map((count) => claim(count)));
  const all = [...counts.slice(0, HEADS_OF_A_DAY - 1), counts.length];
  expect((await kept()).map(([count]) => count)).toEqual(all);

  for (let day = 1; day < WHOLE_HEAD_DAYS; day++) await tellAt(NOW + day * DAY_MS, claim(100 + day));
  expect((await kept()).slice(0, all.length).map(([count]) => count)).toEqual(all);
  await tellAt(NOW + WHOLE_HEAD_DAYS * DAY_MS, claim(200));
  expect((await kept()).slice(0, 3).map(([count]) => count)).toEqual([1, counts.length, 101]);
});

it('says that a log is another than it was, and keeps both of its ends', async () => {
  await tell(claim(8), claim(8, 'another'));
  await tell(claim(9), claim(4, 'short', { restored: true }), claim(5));

  expect(await forks()).toMatchObject([
    { side: 'install', restored: false, kept: 8, said: 8, saidDigest: digest('another') },
    { side: 'install', restored: true, kept: 9, said: 4 },
  ]);
  expect((await kept()).map(([, of]) => of)).toEqual([
    ...[digest('8'), digest('another'), digest('9')],
    ...[digest('short'), digest('5')],
  ]);
  const { entries } = await readAudit(db, 0, 1_000);
  expect(
    entries.filter(({ action, subject }) => action === 'ledger.forked' && subject === instance),
  ).toHaveLength(2);
});

it('lets a log that parts from itself all day fill nothing', async () => {
  const claims = Array.from({ length: 3 * MOST_BRANCHES }, (_, i) => claim(8, `${i}`));
  await tell(...claims);

  expect((await kept()).length).toBe(MOST_BRANCHES + HEADS_OF_A_DAY);
  const { entries } = await readAudit(db, 0, 1_000);
  expect(
    entries.filter(({ action, subject }) => action === 'ledger.forked' && subject === instance),
  ).toHaveLength(MOST_BRANCHES);
});

it('says what its own log has where the install saw it end, and that it had something else there', async () => {
  const { count, digest: of } = await readAuditHead(db);
  const at = formatInstantMs(NOW);
  const seen = { count, digest: of as Digest };
  expect((await tell(claim(1, '1', { seen: { ...seen, at } })))[0]?.witnessed?.seen).toEqual(seen);
  expect(await forks()).toEqual([]);

  const other = { count, digest: digest('rewritten'), at };
  expect((await tell(claim(1, '1', { seen: other })))[0]?.witnessed?.seen).toEqual(seen);
  const beyond = { count: count + 50, digest: digest('cut off'), at };
  expect((await tell(claim(1, '1', { seen: beyond })))[0]?.witnessed?.seen).toEqual({
    count: count + 50,
    digest: null,
  });
  expect(await forks()).toMatchObject([
    { side: 'server', kept: count, keptDigest: other.digest, saidDigest: of },
    { side: 'server', kept: count + 50, saidDigest: null },
  ]);
});

/** As a restore notes it; how many entries it brought back. */
async function comeBack(now: number): Promise<number> {
  await transact(db, 'committed', async (trx) => {
    await appendAudit(trx, { actor: 'server', action: 'backup.restored', subject: 'backup 1' }, now);
    await writeBackupMark(trx, 'restores', await listRestores(trx));
  });
  return (await readAuditHead(db)).count - 1;
}

it('explains with its restore what an install saw of its log and is gone, and nothing before that', async () => {
  const at = formatInstantMs(NOW);
  const count = await comeBack(NOW);

  const lost = { count: count + 1, digest: digest('lost'), at };
  const [taken] = await tell(claim(1, '1', { seen: lost }));
  expect(taken?.witnessed?.restored?.at(-1)).toEqual({ at, count });
  expect(await forks()).toEqual([]);
  await tell(claim(1, '1', { seen: { count, digest: digest('rewritten'), at } }));
  // What was shown after the restore, the restore did not take away.
  await tell(claim(1, '1', { seen: { ...lost, at: formatInstantMs(NOW + 1) } }));
  expect(await forks()).toMatchObject([
    { side: 'server', kept: count },
    { side: 'server', kept: count + 1 },
  ]);
});

it('explains with the first of two restores what an install saw that was away for both', async () => {
  const first = await comeBack(NOW + DAY_MS);
  const more = { actor: 'test', action: 'token.created', subject: 'more' };
  await transact(db, 'committed', (trx) => appendAudit(trx, more, NOW));
  const second = await comeBack(NOW + 2 * DAY_MS);
  const lost = { count: second, digest: digest('lost'), at: formatInstantMs(NOW + 1) };

  const [taken] = await tell(claim(1, '1', { seen: lost }));

  expect(taken?.witnessed?.restored?.slice(-2).map(({ count }) => count)).toEqual([first, second]);
  expect(await forks()).toEqual([]);
  // The second took nothing away that came before what it brought back.
  await tell(claim(1, '1', { seen: { ...lost, at: formatInstantMs(NOW + 2 * DAY_MS) } }));
  expect(await forks()).toMatchObject([{ side: 'server', kept: second }]);
});
