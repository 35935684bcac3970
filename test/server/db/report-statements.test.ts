// What a batch of reports asks of the database: as many statements for a fleet as for one, and no more of each than it needs.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KyselyPlugin, sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { reportRows } from '../../../server/db/records.ts';
import { type Received, writeReports } from '../../../server/db/reports.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import { isOnPostgres, openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';
import { reportOf } from '../../support/reports.ts';

const KEY = 'A'.repeat(43);
const MANY = 40;
/** A row of a kilobyte: few to a page. */
const REPORT = { components: Array.from({ length: 6 }, () => reportOf(1).components).flat() };
let dir: string;
let db: Database;
let instances: readonly string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-statements-'));
  db = await openAt(join(dir, 'fairlead.db'));
  instances = await Promise.all(Array.from({ length: MANY + 1 }, (_, i) => enrol(`instance ${i}`)));
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

it('asks as often for a fleet that began anew as for one agent', async () => {
  const [one = '', ...many] = instances;

  const alone = await write([from(one, 1, 'first')]);
  const fleet = await write(many.map((instance) => from(instance, 1, 'first')));
  const again = await write(many.map((instance) => from(instance, 2, 'second')));

  expect(fleet).toBe(alone);
  expect(again).toBeLessThanOrEqual(fleet);
});

it('keeps of each the newest reports, and asks once for all that go', async () => {
  const asked: number[] = [];
  for (let last = 8; last <= 64; last += 8) {
    const eight = Array.from({ length: 8 }, (_, i) => last - 7 + i);
    asked.push(
      await write(instances.flatMap((instance) => eight.map((sequence) => from(instance, sequence)))),
    );
  }

  const { rows } = await sql<{ readonly oldest: number; readonly kept: number }>`
    select distinct oldest, kept from (
      select min(sequence) as oldest, count(*) as kept from reports group by instance
    ) as histories`.execute(db);

  expect(rows.map(({ oldest, kept }) => [Number(oldest), Number(kept)])).toEqual([[15, 50]]);
  // The first also writes what each runs.
  expect((asked.at(-1) ?? 0) - (asked[1] ?? 0)).toBe(1);
});

if (isOnPostgres()) {
  it('leaves the indices alone: the new row has room beside the old one', async () => {
    const round = (sequence: number) => instances.map((instance) => from(instance, sequence));
    await write(round(1));
    await write(round(2));

    const moved = await transact(db, 'committed', async (trx) => {
      // Counts what this connection did before, too, until it has told of it.
      const soFar = async () => {
        const { rows } = await sql<{ readonly moved: number }>`
          select n_tup_upd - n_tup_hot_upd as moved from pg_stat_xact_user_tables where relname = 'instances'`.execute(
          trx,
        );
        return Number(rows[0]?.moved ?? 0);
      };
      const before = await soFar();
      await writeReports(trx, round(3));
      return (await soFar()) - before;
    });

    expect(moved).toBeLessThan(MANY / 4);
  });

  it('has a statement planned once, however many it is about', async () => {
    const [first = '', ...others] = instances;
    const [before, after] = await transact(db, 'committed', async (trx) => {
      const plans = async () => {
        const { rows } = await sql<{ readonly total: number }>`
          select count(*) as total from pg_prepared_statements`.execute(trx);
        return Number(rows[0]?.total);
      };
      await writeReports(trx, [from(first, 1)]);
      const planned = await plans();
      await writeReports(
        trx,
        others.map((instance) => from(instance, 1)),
      );
      return [planned, await plans()];
    });

    expect(before).toBeGreaterThan(2);
    expect(after).toBe(before);
  });
}

/** Answers in how many statements. */
async function write(batch: readonly Received[]): Promise<number> {
  let statements = 0;
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => {
      statements++;
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  await transact(db, 'committed', (trx) => writeReports(trx.withPlugin(counting), batch));
  return statements;
}

function from(instance: string, sequence: number, boot: string | null = null): Received {
  return { instance, key: KEY, boot, rows: reportRows(reportOf(sequence, REPORT), NOW), received: NOW };
}

async function enrol(name: string): Promise<string> {
  const { code } = await createEnrolment(db, { name, actor: 'test' }, NOW);
  const agent = { code, publicKey: KEY, hostname: 'host', agentVersion: '0.1.0' };
  return (await redeemEnrolment(db, agent, NOW)).instance;
}
