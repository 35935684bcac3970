// The database: tables that survive a restart, secrets that nobody can read back, an audit log that shows tampering.
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileAddress } from '../../../server/core/database-address.ts';
import { readAudit } from '../../../server/db/audit.ts';
import { openDatabase } from '../../../server/db/database.ts';
import { listDeployments } from '../../../server/db/deployments.ts';
import { createEnrolment } from '../../../server/db/enrolments.ts';
import { listRunningVersions } from '../../../server/db/exposure.ts';
import { listInstances } from '../../../server/db/instances.ts';
import { MIGRATIONS } from '../../../server/db/migrations.ts';
import { createSqliteDialect } from '../../../server/db/node-sqlite.ts';
import type { Database, Tables } from '../../../server/db/tables.ts';
import { makeToken } from '../../../server/db/token-lists.ts';
import { admitToken } from '../../../server/db/tokens.ts';
import { transact } from '../../../server/db/transact.ts';
import { NOW } from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';

const HOUR_MS = 60 * 60 * 1000;

let dir: string;
let file: string;
let db: Database;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-db-'));
  file = join(dir, 'fairlead.db');
  db = await openDatabase(fileAddress(file));
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

describe('the file', () => {
  it('is readable by its owner only', async () => {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('keeps its rows when it is opened again', async () => {
    await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);
    await db.destroy();

    db = await openDatabase(fileAddress(file));

    expect((await readAudit(db, 0, 10)).entries).toHaveLength(1);
  });

  it('lets a transaction see nothing of another that failed', async () => {
    const failing = transact(db, 'committed', async (trx) => {
      await createRow(trx, 'CHG-1');
      throw new Error('midway');
    });
    await Promise.allSettled([failing, createRow(db, 'CHG-2')]);

    expect(await db.selectFrom('changes').select('id').execute()).toEqual([{ id: 'CHG-2' }]);
  });
});

describe('a token', () => {
  const request = { name: 'ci', role: 'publisher', expires: NOW + HOUR_MS, actor: 'test' } as const;

  it('cannot be read from the database, nor can an enrolment code', async () => {
    const text = makeToken();
    await admitToken(db, { ...request, text }, NOW);
    const { code } = await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);
    await db.destroy();

    const bytes = await readFile(file);

    db = await openDatabase(fileAddress(file));
    expect(bytes.includes('publisher')).toBe(true);
    expect(bytes.includes(text.slice(4))).toBe(false);
    expect(bytes.includes(code)).toBe(false);
  });
});

describe('a file of an older server', () => {
  it('is brought to the tables of today, with what its reports say in columns of their own', async () => {
    const old = join(dir, 'old.db');
    const before = new Kysely<Tables>({ dialect: createSqliteDialect(old) });
    const first = { '0001-fleet': MIGRATIONS['0001-fleet'] as Migration };
    await new Migrator({ db: before, provider: { getMigrations: async () => first } }).migrateToLatest();
    const { records: _, ...report } = reportOf(3, { channel: 'frozen' });
    const row = {
      id: 'i',
      name: 'one',
      hostname: 'h',
      public_key: 'k',
      agent_version: '0',
      enrolled_at: 't',
    };
    await sql`insert into instances (${sql.join(Object.keys(row).map((name) => sql.ref(name)))}, last_sequence, last_report)
      values (${sql.join(Object.values(row))}, 3, ${JSON.stringify(report)})`.execute(before);
    const ended = {
      ...recordOf(1, 'rolled-back'),
      failure: { code: 'disk/full', message: 'a text with \u0000 in it' },
    };
    for (const record of [ended, { ...recordOf(2, 'abandoned'), failure: null }, recordOf(3, 'committed')]) {
      await sql`insert into deployments (instance, record, state, reason, started_at, updated_at, body)
        values ('i', ${record.id}, ${record.state}, 'channel', '', '', ${JSON.stringify(record)})`.execute(
        before,
      );
    }
    await sql`update deployments set started_at = 'first' where record = 2`.execute(before);
    await sql`insert into deployment_changes (change, instance, record) values ('CHG-1', 'i', 2)`.execute(
      before,
    );
    await before.destroy();

    const after = await openDatabase(fileAddress(old));

    const codes = await after.selectFrom('deployments').select('failure_code').orderBy('record').execute();
    expect(codes.map((row) => row.failure_code)).toEqual(['disk/full', null, null]);
    const carried = await listDeployments(after, { change: 'CHG-1', limit: 10, after: null });
    expect(carried.entries.map(({ started }) => started)).toEqual(['first']);
    expect(await after.selectFrom('deployment_changes').select('started_at').execute()).toEqual([
      { started_at: 'first' },
    ]);
    const { entries } = await listInstances(after, { limit: 10, after: null });
    expect(entries).toMatchObject([
      { name: 'one', channel: 'frozen', manifest: report.manifest, verdict: null },
    ]);
    expect(await listRunningVersions(after, ['core/auth'])).toEqual([
      { component: 'core/auth', version: '1.0.0', instances: 1 },
    ]);
    await after.destroy();
  });
});

function createRow(on: Database, id: string) {
  return on
    .insertInto('changes')
    .values({ id, component: 'core/auth', version: '1.0.0', updated_at: '', body: '{}' })
    .execute();
}
