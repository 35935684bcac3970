// A fleet in PostgreSQL: the database comes back by its own means, and what that lacks, by ours.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drill } from '../../../server/backup/drill.ts';
import { lookAtArchive } from '../../../server/backup/failures.ts';
import { createBackups } from '../../../server/backup/keeper.ts';
import type { DatabaseAddress } from '../../../server/core/database-address.ts';
import { verifyAudit } from '../../../server/db/audit-chain.ts';
import { readBackupMark } from '../../../server/db/backup-marks.ts';
import { findChange } from '../../../server/db/changes.ts';
import { openDatabase } from '../../../server/db/database.ts';
import { findToken } from '../../../server/db/token-lists.ts';
import { revokeTokens } from '../../../server/db/tokens.ts';
import { renderMetrics } from '../../../server/http/metrics.ts';
import { loadState } from '../../../server/repository/state.ts';
import { keepBackups } from '../../support/backups.ts';
import { usePostgres } from '../../support/databases.ts';
import { refusedCode } from '../../support/error-code.ts';
import { findPostgres, type Postgres, startPostgres } from '../../support/postgres.ts';
import {
  capability,
  changeOf,
  firstPublication,
  publicationOf,
  signRole,
} from '../../support/publications.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';

const MINUTE_MS = 60_000;
const LIMIT_MS = 120_000;
const programs = findPostgres();

describe.skipIf(programs === null)('a fleet in PostgreSQL', () => {
  let postgres: Postgres;

  beforeAll(async () => {
    postgres = await startPostgres(programs ?? '');
    usePostgres(postgres);
  }, LIMIT_MS);
  afterAll(() => postgres.stop(), LIMIT_MS);

  /** As it stands, in a database of its own. */
  async function copyOf({ layout, context }: TestServer): Promise<DatabaseAddress> {
    const { database } = context.config;
    const copy = await postgres.createEmpty();
    const dump = ['-h', dirname(postgres.socket), '-U', 'fairlead'];
    const named = (address: DatabaseAddress) =>
      address.kind === 'postgres' ? new URL(address.url).pathname.slice(1) : '';
    const run = promisify(execFile);
    const words = [...dump, named(database)];
    const { stdout } = await run(join(programs ?? '', 'pg_dump'), words, { maxBuffer: 2 ** 26 });
    const file = join(layout.dir, 'dump.sql');
    await writeFile(file, stdout);
    await run(join(programs ?? '', 'psql'), [...dump, '-q', '-f', file, named(copy)]);
    return copy;
  }

  it('comes back from a copy of its database, with what was published and revoked since that', {
    timeout: LIMIT_MS,
  }, async () => {
    const server = await startTestServer();
    await server.bearer('viewer');
    const backups = keepBackups(server);
    const { db, publisher } = server.context;
    await backups.backUp();
    const copy = await copyOf(server);
    server.now += MINUTE_MS;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
    await revokeTokens(db, 'viewer', 'test', server.now);
    await backups.keepLog();

    const restored = await backups.restore(undefined, { address: copy });

    expect(await findToken(restored.db, 'flt_test-viewer', server.now).catch(() => null)).toBeNull();
    expect(await verifyAudit(restored.db, null)).toEqual(await verifyAudit(db, null));
    expect((await loadState(restored.store))?.root.content.version).toBe(1);
    await restored.db.destroy();
    await backups.close();
    await server.close();
  });

  it('comes back at a time long before the newest backup, with all that was published and revoked since', {
    timeout: LIMIT_MS,
  }, async () => {
    const server = await startTestServer();
    await server.bearer('viewer');
    const backups = keepBackups(server);
    const { db, publisher } = server.context;
    const tree = await addPack(server.store, 'console.log(1)');
    await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
    await backups.backUp();
    const copy = await copyOf(server);
    server.now += 30 * MINUTE_MS;
    const document = capability('1.0.0', tree, 'CHG-2');
    const change = changeOf(document, '1.0.0', tree, 'release', 'CHG-2');
    const signed = signRole('releases', 2, [document]);
    await publisher.publish(publicationOf([['releases', signed]], [document], [change]), 'test');
    await revokeTokens(db, 'viewer', 'test', server.now);
    server.now += 30 * MINUTE_MS;
    await backups.backUp();

    const restored = await backups.restore(undefined, { address: copy });

    expect(restored.restored.replayed.lost).toEqual([]);
    expect(await findChange(restored.db, 'CHG-2')).toEqual(await findChange(db, 'CHG-2'));
    expect(await findToken(restored.db, 'flt_test-viewer', server.now).catch(() => null)).toBeNull();
    expect(await verifyAudit(restored.db, null)).toEqual(await verifyAudit(db, null));
    await restored.db.destroy();
    await backups.close();
    await server.close();
  });

  it('has it told once that its archive stands still', { timeout: LIMIT_MS }, async () => {
    const server = await startTestServer();
    const { db, config } = server.context;
    const { database } = config;
    // In place of those of the cluster, which nothing lets stand still for ten minutes.
    const shows = (age: string) =>
      sql
        .raw(
          `create or replace view public.pg_stat_archiver as select now() - interval '${age}' as last_archived_time,
          now() as stats_reset, now() as last_failed_time, '0000000100000000000000AB' as last_failed_wal`,
        )
        .execute(db);
    await shows('12 minutes');
    const instead = [
      `function public.current_setting(text) returns text language sql as 'select ''on'''`,
      `function public.pg_postmaster_start_time() returns timestamptz language sql as 'select now() - interval ''1 day'''`,
    ];
    for (const one of instead) await sql.raw(`create ${one}`).execute(db);
    const name = new URL(database.kind === 'postgres' ? database.url : '').pathname.slice(1);
    await postgres.query(`alter database ${name} set search_path = public, pg_catalog`);
    const asked = await openDatabase(database);
    const look = () => lookAtArchive({ db: asked, now: () => server.now });

    expect(await look()).toMatchObject({ code: 'backup/archive-late', data: { minutes: 12 } });
    expect(await look()).toBeNull();
    expect((await readBackupMark(db, 'archive'))?.problem).toContain('0000000100000000000000AB');
    expect(await db.selectFrom('events').select('kind').execute()).toEqual([{ kind: 'backup.failed' }]);
    await shows('1 minute');
    expect(await look()).toBeNull();
    expect(await readBackupMark(db, 'archive')).toBeNull();
    await asked.destroy();
    await server.close();
  });

  it('is drilled by hand: the command says so before it does anything', { timeout: LIMIT_MS }, async () => {
    const server = await startTestServer();
    await server.bearer('viewer');
    const { close, place, backUp } = keepBackups(server);
    const { layout, store, context } = server;
    const { db } = context;
    const of = { layout, address: context.config.database, db, store, place, now: () => server.now };
    const openKeys = () => Promise.reject(new Error('nobody restores'));

    expect(await refusedCode(drill({ ...of, backUp, openKeys }))).toBe('backup/drill-elsewhere');

    expect(await readBackupMark(db, 'drill')).toBeNull();
    expect(await readBackupMark(db, 'backup')).toBeNull();
    expect((await db.selectFrom('events').selectAll().execute()).length).toBe(0);
    await close();
    await server.close();
  });

  it('says how old its archive is, and nothing where there is none', { timeout: LIMIT_MS }, async () => {
    const server = await startTestServer();
    await server.bearer('viewer');
    const made = keepBackups(server);
    const { db } = server.context;
    const maker = { backUp: made.backUp, stop: async () => undefined };
    const of = {
      layout: server.layout,
      db,
      now: () => server.now,
      config: made.config,
      maker,
      warn: () => undefined,
    };
    const backups = createBackups(of);
    await backups.look();

    const page = await renderMetrics({ ...server.context, backups });

    expect(page).toMatch(/^fairlead_backup_size_bytes 0$/m);
    expect(page).not.toMatch(/^fairlead_backup_archive_age_seconds \d/m);
    await backups.stop();
    await made.close();
    await server.close();
  });
});
