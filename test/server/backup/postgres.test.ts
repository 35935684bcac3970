// A fleet in PostgreSQL: the database comes back by its own means, and what that lacks, by ours.
import { execFile } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drill } from '../../../server/backup/drill.ts';
import { createBackups } from '../../../server/backup/keeper.ts';
import { verifyAudit } from '../../../server/db/audit-chain.ts';
import { readBackupMark } from '../../../server/db/backup-marks.ts';
import { findToken } from '../../../server/db/token-lists.ts';
import { revokeTokens } from '../../../server/db/tokens.ts';
import { renderMetrics } from '../../../server/http/metrics.ts';
import { loadState } from '../../../server/repository/state.ts';
import { keepBackups } from '../../support/backups.ts';
import { usePostgres } from '../../support/databases.ts';
import { refusedCode } from '../../support/error-code.ts';
import { findPostgres, type Postgres, startPostgres } from '../../support/postgres.ts';
import { firstPublication } from '../../support/publications.ts';
import { startTestServer } from '../../support/server-under-test.ts';

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

  it('comes back from a copy of its database, with what was published and revoked since that', {
    timeout: LIMIT_MS,
  }, async () => {
    const server = await startTestServer();
    await server.bearer('viewer');
    const backups = keepBackups(server);
    const { db, publisher, config } = server.context;
    await backups.backUp();
    const copy = await postgres.createEmpty();
    const from = config.database.kind === 'postgres' ? config.database : null;
    const dump = ['-h', dirname(postgres.socket), '-U', 'fairlead'];
    const named = (url: string) => new URL(url).pathname.slice(1);
    const { stdout } = await promisify(execFile)(
      join(programs ?? '', 'pg_dump'),
      [...dump, named(from?.url ?? '')],
      { maxBuffer: 2 ** 26 },
    );
    const file = join(server.layout.dir, 'dump.sql');
    await appendFile(file, stdout);
    await promisify(execFile)(join(programs ?? '', 'psql'), [...dump, '-q', '-f', file, named(copy.url)]);
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
