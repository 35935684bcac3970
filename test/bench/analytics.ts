// Analytics of a fleet with a long history: how long it takes to count it, and how long anybody waits who asks.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import type { Context } from '../../server/context.ts';
import { type DatabaseAddress, fileAddress } from '../../server/core/database-address.ts';
import { countEnded } from '../../server/db/analytics.ts';
import { copyFleet } from '../../server/db/copy.ts';
import { openAtLength, openDatabase } from '../../server/db/database.ts';
import type { Database } from '../../server/db/tables.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { recordOf } from '../support/reports.ts';
import { watchTurns } from '../support/turns.ts';
import { type Figures, formatMs, timed } from './figures.ts';
import { openServer, waitsOf } from './lists.ts';

const INSTANCES = 10_000;
const DEPLOYMENTS_OF_ONE = 100;
const ALL = INSTANCES * DEPLOYMENTS_OF_ONE;
const COMPONENTS = 5;
const DAYS = 365;
const ASKED = 200;
const LAST_DAY = '2026-11-20';

const QUESTIONS = [
  'deployments?by=component',
  'deployments?by=component,version',
  'deployments?by=day,component&component=core/c1',
  `deployments?by=component,version&from=2025-11-21&to=${LAST_DAY}`,
  'fleet?kind=exposed',
] as const;

export async function measureAnalytics(work: string): Promise<Figures> {
  const dir = join(work, 'analytics');
  mkdirSync(dir, { recursive: true });
  const embedded = fileAddress(join(dir, 'fairlead.db'));
  const source = await openDatabase(embedded);
  await fill(source);
  const known = knownOf();
  const counting = await timed(() => countEnded(source, known, Date.now(), new AbortController().signal));
  const rows = [
    ['SQLite', 'counting all', formatMs(counting), '', '', ''],
    ...(await ask(embedded, dir, 'SQLite')),
  ];
  const programs = findPostgres();
  const postgres = programs === null ? null : await startPostgres(programs);
  if (postgres !== null) {
    const address = await postgres.createEmpty();
    const target = await openAtLength(address);
    await copyFleet(source, target, address.place);
    await target.destroy();
    rows.push(...(await ask(address, dir, 'PostgreSQL')));
    await postgres.stop();
  }
  await source.destroy();
  rmSync(dir, { recursive: true });
  return {
    title: 'Analytics',
    note: `${INSTANCES.toLocaleString('en')} instances with ${DEPLOYMENTS_OF_ONE} deployments each, of ${COMPONENTS} components, a hundred versions and ${DAYS} days; each question ${ASKED} times, one after the other, in the server's own process with its database beside it. Deployments are counted as they end; a server that is upgraded counts those it has. Goal: p99 of 200 ms.`,
    head: ['database', 'question', 'first', 'median', 'p99', 'longest turn'],
    rows,
  };
}

function knownOf() {
  const components = Array.from({ length: COMPONENTS }, (_, i) => `core/c${i}`);
  const versions = components.flatMap((component) =>
    Array.from({ length: DEPLOYMENTS_OF_ONE }, (_, i) => `${component} 1.0.${i + 1}`),
  );
  return { components: new Set(components), versions: new Set(versions) };
}

async function ask(address: DatabaseAddress, dir: string, name: string): Promise<string[][]> {
  const { context, app } = await openServer(address, join(dir, name));
  const rows: string[][] = [];
  for (const question of QUESTIONS) rows.push([name, question, ...(await askOften(app, question))]);
  await close(app, context);
  return rows;
}

async function askOften(app: FastifyInstance, question: string): Promise<string[]> {
  const url = `/api/v1/analytics/${question}${question.includes('from=') ? '' : `&to=${LAST_DAY}`}`;
  const times: number[] = [];
  const turns = watchTurns();
  for (let i = 0; i < ASKED; i++) {
    const began = performance.now();
    const answer = await app.inject({ url, headers: { authorization: 'Bearer flt_bench' } });
    times.push(performance.now() - began);
    if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.body}`);
  }
  return waitsOf(times, turns.longest());
}

async function close(app: FastifyInstance, context: Context): Promise<void> {
  await app.close();
  await context.db.destroy();
}

/** By the database itself. A version's deployments are of the same few days, and take from one second to five minutes. */
async function fill(db: Database): Promise<void> {
  const record = JSON.stringify(recordOf(1, 'committed'));
  const id = (i: string) => sql`printf('00000000-0000-4000-8000-%012d', ${sql.raw(i)})`;
  const numbers = (count: number) =>
    sql`with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ${sql.lit(count)})`;
  await sql`insert into instances (id, name, hostname, public_key, agent_version, enrolled_at, last_sequence)
    ${numbers(INSTANCES)} select ${id('i')}, 'customer ' || i, 'host', 'key', '0.1.0', '2025-11-20T00:00:00Z', 1 from n`.execute(
    db,
  );
  const end = sql.raw(`'${LAST_DAY}T12:00:00Z'`);
  const of = sql.raw(`(i / ${INSTANCES})`);
  const began = sql`strftime('%Y-%m-%dT%H:%M:%SZ', ${end}, '-' || (${sql.lit(DAYS)} - ${of} * ${sql.lit(DAYS / DEPLOYMENTS_OF_ONE)} - i % 4) || ' days')`;
  const ended = sql`strftime('%Y-%m-%dT%H:%M:%SZ', ${began}, '+' || (1 + (i * 7919) % 300) || ' seconds')`;
  const state = sql`case when i % 97 = 0 then 'rolled-back' else 'committed' end`;
  await sql`insert into deployments (instance, record, state, reason, started_at, updated_at, body)
    ${numbers(ALL)} select ${id(`i % ${INSTANCES}`)}, 1 + ${of}, ${state}, 'channel', ${began}, ${ended},
      json_set(${record}, '$.state', ${state}, '$.stages[0].at', ${began}, '$.stages[1].at', ${ended},
        '$.steps[0].component', 'core/c' || (i % ${sql.lit(COMPONENTS)}), '$.steps[0].to', '1.0.' || (1 + ${of})) from n`.execute(
    db,
  );
}
