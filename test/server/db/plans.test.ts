// How the file answers what is asked of a whole fleet: out of indexes, never by reading the report of every instance.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CompiledQuery, Kysely, sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileAddress } from '../../../server/core/database-address.ts';
import { openDatabase } from '../../../server/db/database.ts';
import { listEnrolments } from '../../../server/db/enrolment-lists.ts';
import { listRunning, listRunningVersions, listSomeRunning } from '../../../server/db/exposure.ts';
import { summarizeFleet } from '../../../server/db/fleet-summary.ts';
import { createSqliteDialect } from '../../../server/db/node-sqlite.ts';
import type { Database, Tables } from '../../../server/db/tables.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { NOW } from '../../support/publications.ts';

let dir: string;
let db: Database;
const asked: CompiledQuery[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-plans-'));
  const file = join(dir, 'fairlead.db');
  await (await openDatabase(fileAddress(file))).destroy();
  db = new Kysely<Tables>({
    dialect: createSqliteDialect(file),
    log: ({ query }) => void asked.push(query as CompiledQuery),
  });
  const at = new Date(NOW - 1_000).toISOString();
  await sql`insert into instances (id, name, hostname, public_key, agent_version, enrolled_at, last_sequence, standing, moved_to, twins_heard, unhealthy, verdict, last_seen)
    values ('i', 'one', 'h', 'k', '1', ${at}, 1, null, 'elsewhere', ${at}, 1, 'held', null), ('j', 'two', 'h', 'k', '1', ${at}, 1, 'isolated', null, null, 0, null, null),
      ('k', 'three', 'h', 'k', '1', ${at}, 1, null, null, null, 0, 'current', null)`.execute(db);
  await sql`insert into deployments (instance, record, state, reason, started_at, updated_at, body) values ('i', 1, 'abandoned', 'channel', ${at}, ${at}, '{}')`.execute(
    db,
  );
  await sql`insert into instance_components values ('i', 'core/auth', '1.0.0')`.execute(db);
  await sql`insert into instance_blockers values ('i', 'admin', 'held')`.execute(db);
  asked.length = 0;
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

/** An index that holds all a question needs is narrow; others lead to the rows, and those of instances hold a report. */
const SLOW =
  /^SCAN (?:instances\b(?! USING COVERING)|(?:deployments|enrolments|instance_[a-z]+|proposals)\b(?! USING))/;

async function slowSteps(): Promise<readonly string[]> {
  const slow: string[] = [];
  for (const { sql: text, parameters } of [...asked]) {
    const explained = { ...sql``.compile(db), sql: `explain query plan ${text}`, parameters };
    const { rows } = await db.executeQuery<{ readonly detail: string }>(explained);
    slow.push(...rows.map(({ detail }) => detail).filter((detail) => SLOW.test(detail)));
  }
  return slow;
}

it.each<[string, () => Promise<unknown>]>([
  ['the fleet at a glance', () => summarizeFleet(db, 86_400_000, NOW)],
  ['which versions run', () => listRunningVersions(db, ['core/auth'])],
  ['some of the exposed', () => listSomeRunning(db, [[AUTH]], 20)],
  ['the exposed from somewhere on', () => listRunning(db, [AUTH], { limit: 100, after: ['i', 'core/a'] })],
  ['open codes', () => listEnrolments(db, { limit: 100, after: null })],
])('no table is walked through for %s', async (_what, ask) => {
  await ask();

  expect(asked.length).toBeGreaterThan(0);
  expect(await slowSteps()).toEqual([]);
});

it('finds in the indexes what stands in the rows', async () => {
  const summary = await summarizeFleet(db, 86_400_000, NOW);

  const one = { count: 1, instances: [{ id: 'i', name: 'one' }] };
  expect(summary).toMatchObject({
    ...{ instances: 3, moved: one, twinned: one, unhealthy: one, failing: one },
    isolated: { count: 1, instances: [{ id: 'j', name: 'two' }] },
    silent: { count: 1, instances: [{ id: 'k', name: 'three' }] },
    verdicts: [
      { verdict: 'current', count: 1 },
      { verdict: 'held', count: 1 },
    ],
    blocked: [{ owner: 'admin', code: 'held', ...one }],
  });
});

const AUTH = { component: 'core/auth', version: parseVersion('1.0.0'), instances: 1 };
