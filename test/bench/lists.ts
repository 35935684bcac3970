// A page of every list at any cursor, on a large fleet: how long one waits, and how long the loop of the server stands still.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { pino } from 'pino';
import { type Context, createContext, toConfig } from '../../server/context.ts';
import { type DatabaseAddress, fileAddress } from '../../server/core/database-address.ts';
import { appendAudit } from '../../server/db/audit.ts';
import { findChange, recordPublication } from '../../server/db/changes.ts';
import { copyFleet } from '../../server/db/copy.ts';
import { openAtLength, openDatabase } from '../../server/db/database.ts';
import { inPublishingTurn } from '../../server/db/publishing.ts';
import type { Database } from '../../server/db/tables.ts';
import { admitToken } from '../../server/db/tokens.ts';
import { transact } from '../../server/db/transact.ts';
import { createApp } from '../../server/http/app.ts';
import { createPublisher, type LocalPublisher } from '../../server/repository/publisher.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { advisoryOf, firstPublication, publicationOf, signRole, testKey } from '../support/publications.ts';
import { recordOf, reportOf } from '../support/reports.ts';
import { watchTurns } from '../support/turns.ts';
import { type Figures, formatMs, timed } from './figures.ts';

const SIZES = [10_000, 100_000] as const;
const DEPLOYMENTS_OF_ONE = 3;
const COMPONENTS_OF_ONE = 5;
const AUDIT_ENTRIES = 5_000;
const PAGES = 200;

/** Each is walked from its beginning to its end, and over again. */
const LISTS = [
  '/api/v1/instances',
  '/api/v1/deployments',
  '/api/v1/deployments?change=CHG-1',
  '/api/v1/deployments?instance=00000000-0000-4000-8000-000000000007',
  '/api/v1/rollback/history',
  '/api/v1/changes',
  '/api/v1/audit',
  '/api/v1/security/patches',
  '/api/v1/security/patches/FL-2026-1000',
  '/api/v1/fleet',
] as const;

export async function measureLists(work: string): Promise<Figures> {
  const rows: string[][] = [];
  const programs = findPostgres();
  const postgres = programs === null ? null : await startPostgres(programs);
  for (const size of SIZES) {
    const dir = join(work, `lists-${size}`);
    mkdirSync(dir, { recursive: true });
    const embedded = fileAddress(join(dir, 'fairlead.db'));
    const source = await openDatabase(embedded);
    await fill(source, size);
    rows.push(...(await measureOn(embedded, dir, `${size.toLocaleString('en')}, SQLite`)));
    if (postgres !== null) {
      const address = await postgres.createEmpty();
      const target = await openAtLength(address);
      const ms = await timed(() => copyFleet(source, target, address.place));
      await target.destroy();
      const name = `${size.toLocaleString('en')}, PostgreSQL`;
      rows.push([name, 'migrate', formatMs(ms), '', '', '']);
      rows.push(...(await measureOn(address, dir, name)));
    }
    await source.destroy();
    rmSync(dir, { recursive: true });
  }
  await postgres?.stop();
  return {
    title: 'Lists of a large fleet',
    note: `Pages of 100, ${PAGES} of each list one after the other, behind its end from its beginning again, in the server's own process with its database beside it; each instance has ${COMPONENTS_OF_ONE} components, all affected by one advisory, and ${DEPLOYMENTS_OF_ONE} deployments. The first is the first of its kind that the process answers. A turn is processor time of the loop. Goal: p99 of 50 ms at 10,000 instances and 100 ms at 100,000, no turn over 50 ms.`,
    head: ['instances', 'list', 'first', 'median', 'p99', 'longest turn'],
    rows,
  };
}

async function measureOn(address: DatabaseAddress, dir: string, name: string): Promise<string[][]> {
  const { context, app } = await openServer(address, dir);
  const authorization = 'Bearer flt_bench';
  const rows: string[][] = [];
  for (const list of LISTS) {
    const times: number[] = [];
    const turns = watchTurns();
    let url: string = list;
    for (let page = 0; page < PAGES; page++) {
      const began = performance.now();
      const answer: { statusCode: number; body: string; headers: { link?: unknown } } = await app.inject({
        ...{ url, headers: { authorization } },
      });
      times.push(performance.now() - began);
      if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.body}`);
      // From its end to its beginning again.
      url = /<([^>]+)>/.exec(String(answer.headers.link ?? ''))?.[1] ?? list;
    }
    rows.push([name, list.replace('/api/v1/', ''), ...waitsOf(times, turns.longest())]);
  }
  await app.close();
  await context.db.destroy();
  return rows;
}

/** The first, the median and the 99th percentile, and the longest turn of the loop meanwhile. */
export function waitsOf(times: readonly number[], longest: number): string[] {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return [times[0] ?? 0, at(0.5), at(0.99), longest].map(formatMs);
}

export async function openServer(
  address: DatabaseAddress,
  dir: string,
): Promise<{ context: Context; app: FastifyInstance }> {
  const config = toConfig({ dir, host: '127.0.0.1', port: 0 }, {}, { database: address });
  let publisher: LocalPublisher | undefined;
  const context = await createContext(config, {
    log: pino({ level: 'silent' }),
    database: 'beside',
    openPublisher: async ({ db, store }, onChange) => {
      publisher = await createPublisher({
        ...{ store, now: Date.now, onChange },
        keys: { snapshot: testKey('snapshot'), timestamp: testKey('timestamp') },
        findChange: (id) => findChange(db, id),
        inTurn: (work) => inPublishingTurn(db, work),
        recordCommit: (commit, turn) => recordPublication(db, commit, turn.id, Date.now()),
      });
      return publisher;
    },
  });
  if (publisher?.state() === null) {
    await publisher.publish(firstPublication(publisher.onlineKeys), 'bench');
    const affected = Array.from({ length: COMPONENTS_OF_ONE }, (_, i) => ({
      component: `core/c${i}`,
      versions: '<2',
    }));
    const documents = Array.from({ length: 50 }, (_, i) =>
      advisoryOf(`FL-2026-${1000 + i}`, { affected, fixed: [] }),
    );
    await publisher.publish(
      publicationOf([['security', signRole('security', 2, documents)]], documents),
      'bench',
    );
  }
  const expires = Date.now() + 3_600_000;
  const token = { text: 'flt_bench', name: 'bench', role: 'viewer', expires, actor: 'bench' } as const;
  await admitToken(context.db, token, Date.now());
  return { context, app: await createApp(context) };
}

/** By the database itself: row by row it would take longer than what is measured. */
async function fill(db: Database, size: number): Promise<void> {
  const { records: _, ...last } = reportOf(1);
  const report = JSON.stringify(last);
  const record = JSON.stringify(recordOf(1, 'committed'));
  const id = sql`printf('00000000-0000-4000-8000-%012d', i)`;
  const numbers = (count: number) =>
    sql`with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ${sql.lit(count)})`;
  const at = sql`strftime('%Y-%m-%dT%H:%M:%SZ', 1795000000 + i * 7, 'unixepoch')`;
  await sql`insert into instances (id, name, hostname, public_key, agent_version, enrolled_at, last_seen, last_sequence, last_report, channel, verdict, running)
    ${numbers(size)} select ${id}, 'customer ' || i, 'host', 'key', '0.1.0', ${at}, ${at}, 1, ${report}, 'auto', 'current', '[]' from n`.execute(
    db,
  );
  await sql`insert into instance_components (instance, component, version)
    ${numbers(size * COMPONENTS_OF_ONE)} select printf('00000000-0000-4000-8000-%012d', i / ${sql.lit(COMPONENTS_OF_ONE)}), 'core/c' || (i % ${sql.lit(COMPONENTS_OF_ONE)}), '1.0.0' from n`.execute(
    db,
  );
  await sql`insert into deployments (instance, record, state, reason, started_at, updated_at, body)
    ${numbers(size * DEPLOYMENTS_OF_ONE)} select printf('00000000-0000-4000-8000-%012d', i / ${sql.lit(DEPLOYMENTS_OF_ONE)}), 1 + i % ${sql.lit(DEPLOYMENTS_OF_ONE)},
      case when i % 997 = 0 then 'rolled-back' else 'committed' end, 'channel', ${at}, ${at}, ${record} from n`.execute(
    db,
  );
  await sql`insert into deployment_changes (change, instance, record, started_at)
    select 'CHG-' || record, instance, record, started_at from deployments`.execute(db);
  await sql`insert into changes (id, component, version, updated_at, body)
    ${numbers(2_000)} select 'CHG-' || i, 'core/auth', '1.0.0', ${at}, '{}' from n`.execute(db);
  await transact(db, 'committed', async (trx) => {
    for (let i = 0; i < AUDIT_ENTRIES; i++) {
      await appendAudit(
        trx,
        { actor: 'bench', action: 'enrolment.created', subject: `customer ${i}` },
        Date.now(),
      );
    }
  });
}
