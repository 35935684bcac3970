// Lists at any cursor: each page goes on where the last one stopped, by the one index that is in its order.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type DeploymentFilter,
  type DeploymentKey,
  listDeployments,
} from '../../../server/db/deployments.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { type ReceivedReport, reportRows } from '../../../server/db/records.ts';
import { writeReports } from '../../../server/db/reports.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import { isOnPostgres, openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';

let dir: string;
let db: Database;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-lists-'));
  db = await openAt(join(dir, 'fairlead.db'));
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

/** Six instances with nine deployments each, many of which began in one second; every third went back. */
async function fillFleet(): Promise<void> {
  for (let i = 0; i < 6; i++) {
    const { code } = await createEnrolment(db, { name: `i${i}`, actor: 'test' }, NOW);
    const agent = { code, publicKey: 'A'.repeat(43), hostname: 'host', agentVersion: '0.1.0' };
    const { instance } = await redeemEnrolment(db, agent, NOW);
    const records = Array.from({ length: 9 }, (_, id) =>
      recordOf(id + 1, id % 3 === 0 ? 'rolled-back' : 'committed', `CHG-${1 + (id % 2)}`),
    );
    const rows = reportRows(reportOf(1, { records }), NOW);
    const received: ReceivedReport = { instance, key: agent.publicKey, boot: null, rows, received: NOW };
    await transact(db, 'committed', (trx) => writeReports(trx, [received]));
  }
}

async function walk(
  filter: Omit<DeploymentFilter, 'limit' | 'after'>,
  limit: number,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (let after: DeploymentKey | null = null; ; ) {
    const { entries, next } = await listDeployments(db, { ...filter, limit, after });
    found.push(...entries.map(({ started, instance, record }) => `${started} ${record.id} ${instance}`));
    if (next === null) return found;
    after = next;
  }
}

describe('deployments', () => {
  it.each([
    ['all', {}, 54],
    ['those with one change', { change: 'CHG-1' }, 30],
    ['those that went back', { rollbacksOnly: true }, 18],
  ])('%s are listed once each, newest first, however small the pages', async (_what, filter, count) => {
    await fillFleet();

    const whole = await walk(filter, 1_000);

    expect(whole).toHaveLength(count);
    expect(whole).toEqual(whole.toSorted().toReversed());
    for (const limit of [1, 7]) expect(await walk(filter, limit)).toEqual(whole);
  });

  // Plans are worded by each database in its own way.
  if (!isOnPostgres()) {
    it('that went back are found by an index of theirs, and those with one change need no sorting', async () => {
      const plan = async (query: string) => {
        const { rows } = await sql
          .raw<{ readonly detail: string }>(`explain query plan ${query}`)
          .execute(db);
        return rows.map(({ detail }) => detail).join('; ');
      };
      const order = (of: string) =>
        `order by ${of}.started_at desc, ${of}.record desc, ${of}.instance desc limit 11`;

      const back = await plan(
        `select * from deployments as d where (d.state = 'rolled-back' or d.reason = 'rollback') ${order('d')}`,
      );
      const carried = await plan(
        `select * from deployments as d inner join deployment_changes as carried on carried.instance = d.instance
         and carried.record = d.record where carried.change = 'CHG-1' ${order('carried')}`,
      );

      expect(back).toContain('deployments_back');
      expect(carried).toContain('changes_by_start');
      expect(`${back} ${carried}`).not.toContain('TEMP B-TREE');
    });
  }
});
