// Two servers on one database: what both want at once, one gets; what both write is all there, once and in order.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAudit } from '../../../server/db/audit.ts';
import { verifyAudit } from '../../../server/db/audit-chain.ts';
import { recordPublication } from '../../../server/db/changes.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { createGroupCommit } from '../../../server/db/group-commit.ts';
import { findInstance } from '../../../server/db/instances.ts';
import { MIGRATIONS } from '../../../server/db/migrations.ts';
import { inPublishingTurn } from '../../../server/db/publishing.ts';
import { reportRows } from '../../../server/db/records.ts';
import { type Received, type Taken, takeReports } from '../../../server/db/reports.ts';
import type { Database } from '../../../server/db/tables.ts';
import { listTokens } from '../../../server/db/token-lists.ts';
import { admitToken, createToken, revokeToken, rotateToken } from '../../../server/db/tokens.ts';
import { openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';

let dir: string;
let servers: readonly Database[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-races-'));
  const file = join(dir, 'fairlead.db');
  // As servers run it: two in one thread would wait for each other there, and neither could go on.
  servers = [await openAt(file, 'beside'), await openAt(file, 'beside')];
});
afterEach(async () => {
  for (const db of servers) await db.destroy();
  await rm(dir, { recursive: true });
});

const serverOf = (i: number) => servers[i % 2] as Database;

async function enrol(name: string): Promise<string> {
  const { code } = await createEnrolment(serverOf(0), { name, actor: 'test' }, NOW);
  const agent = { code, publicKey: 'A'.repeat(43), hostname: 'host', agentVersion: '0.1.0' };
  return (await redeemEnrolment(serverOf(1), agent, NOW)).instance;
}

it('a new database that several open at once is made once, and all of them use it', async () => {
  for (let round = 0; round < 5; round++) {
    const file = join(dir, `new-${round}.db`);
    const opened = await Promise.all(Array.from({ length: 3 }, () => openAt(file, 'beside')));

    await Promise.all(opened.map((db, i) => createEnrolment(db, { name: `i${i}`, actor: 'test' }, NOW)));

    const steps = await sql`select name from kysely_migration`.execute(opened[0] as Database);
    expect(steps.rows).toHaveLength(Object.keys(MIGRATIONS).length);
    expect((await verifyAudit(opened[1] as Database, null)).count).toBe(3);
    for (const db of opened) await db.destroy();
  }
}, 60_000);

it('of a token that is revoked no new text comes to life, however close the two are', async () => {
  const actor = 'test';
  const ends = { expires: NOW + 60_000, actor };
  for (let round = 0; round < 20; round++) {
    const name = `token ${round}`;
    const { id } = await createToken(serverOf(0), { name, role: 'viewer', ...ends }, NOW);

    await Promise.allSettled([
      revokeToken(serverOf(0), id, actor, NOW),
      rotateToken(serverOf(1), { id, overlapMs: 1_000, ...ends }, NOW),
    ]);

    const { entries } = await readAudit(serverOf(0), 0, 1_000);
    const steps = entries.filter(({ subject }) => subject === name).map(({ action }) => action);
    expect(steps.slice(steps.indexOf('token.revoked') + 1)).toEqual([]);
  }
}, 60_000);

it('one code that fifty redeem at once makes one instance', async () => {
  const { code } = await createEnrolment(serverOf(0), { name: 'one', actor: 'test' }, NOW);
  const agent = (i: number) => ({
    ...{ code, hostname: 'host', agentVersion: '0.1.0' },
    publicKey: String(i).padStart(43, 'A'),
  });

  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, i) => redeemEnrolment(serverOf(i), agent(i), NOW)),
  );

  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await serverOf(0).selectFrom('instances').select('id').execute()).toHaveLength(1);
});

it('entries that forty append to the audit log at once form one chain', async () => {
  await Promise.all(
    Array.from({ length: 40 }, (_, i) => createEnrolment(serverOf(i), { name: `i${i}`, actor: 'test' }, NOW)),
  );

  expect((await verifyAudit(serverOf(0), null)).count).toBe(40);
});

it('a publication that two processes finish is recorded once', async () => {
  const entry = { id: 'commit', actor: 'test', changes: [] };

  await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      inPublishingTurn(serverOf(i), ({ id }) => recordPublication(serverOf(i), entry, id, NOW)),
    ),
  );

  expect((await verifyAudit(serverOf(0), null)).count).toBe(1);
});

it('a token that is admitted by several at once is there once, and written down once', async () => {
  const request = { text: 'flt_x', name: 'x', role: 'viewer', expires: NOW + 1_000, actor: 'test' } as const;

  await Promise.all(Array.from({ length: 10 }, (_, i) => admitToken(serverOf(i), request, NOW)));

  expect(await listTokens(serverOf(0))).toHaveLength(1);
  expect((await verifyAudit(serverOf(0), null)).count).toBe(1);
});

describe('reports of many instances to both at once', () => {
  it('leave each at its highest, with every deployment, and lock nobody out', async () => {
    const instances = await Promise.all(Array.from({ length: 12 }, (_, i) => enrol(`i${i}`)));
    const groups = servers.map((db) =>
      createGroupCommit((batch: readonly Received[]) => takeReports(db, batch)),
    );
    const sends: Promise<Taken>[] = [];
    for (let sequence = 1; sequence <= 20; sequence++) {
      // Both servers see the instances in opposite orders.
      for (const [at, group] of groups.entries()) {
        const order = at === 0 ? instances : instances.toReversed();
        for (const instance of order) {
          const records = [{ ...recordOf(1, 'committed'), id: sequence }];
          const report = reportOf(sequence * 2 + at, { records });
          sends.push(
            group.submit({
              instance,
              key: 'A'.repeat(43),
              boot: `boot-${at}-abc`,
              rows: reportRows(report, NOW),
              received: NOW,
            }),
          );
        }
      }
    }

    await Promise.all(sends);

    for (const instance of instances) {
      expect((await findInstance(serverOf(0), instance))?.report?.sequence).toBe(41);
    }
    const kept = await serverOf(0).selectFrom('instances').select('last_sequence').execute();
    expect(new Set(kept.map((row) => Number(row.last_sequence)))).toEqual(new Set([41]));
    expect((await verifyAudit(serverOf(0), null)).count).toBeGreaterThanOrEqual(24);
  });
});
