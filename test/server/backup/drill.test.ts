// A drill: it finds what it should find, measures it, notices what is wrong at the place, and leaves nothing behind.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Drilled, drill } from '../../../server/backup/drill.ts';
import { readBackupMark } from '../../../server/db/backup-marks.ts';
import { tryLock } from '../../../shared/node/lock.ts';
import { keepBackups, type TestBackups } from '../../support/backups.ts';
import { refusedCode } from '../../support/error-code.ts';
import { firstPublication, publicationOf, signRole, testKey } from '../../support/publications.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const MINUTE_MS = 60_000;

let server: TestServer;
let backups: TestBackups;

beforeEach(async () => {
  server = await startTestServer();
  await server.bearer('admin');
  backups = keepBackups(server);
  server.now = Date.now();
  const { publisher } = server.context;
  await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
});
afterEach(async () => {
  await backups.close();
  await server.close();
});

const openKeys = async () => ({ snapshot: testKey('snapshot'), timestamp: testKey('timestamp') });

function tryIt(backUp: () => Promise<unknown> = backups.backUp, keys = openKeys): Promise<Drilled> {
  const { layout, context, store } = server;
  const { place } = backups;
  const { database: address } = context.config;
  const of = { layout, address, db: context.db, store, place, now: () => server.now };
  return drill({ ...of, backUp, openKeys: keys });
}

async function eventsOf(kind: string): Promise<number> {
  return (await server.context.db.selectFrom('events').select('id').where('kind', '=', kind).execute())
    .length;
}

describe('a drill', () => {
  it('measures how old the last backup was, and how long a restore takes, and leaves nothing behind', async () => {
    await backups.backUp();
    server.now += 3 * MINUTE_MS;

    const drilled = await tryIt();

    expect(drilled.rpoMs).toBeGreaterThanOrEqual(3 * MINUTE_MS - 1_000);
    expect(drilled.rpoMs).toBeLessThanOrEqual(3 * MINUTE_MS + 1_000);
    expect(drilled.rtoMs).toBeGreaterThan(0);
    expect(drilled.entries).toBeGreaterThan(0);
    expect(await readBackupMark(server.context.db, 'drill')).toMatchObject({
      rpoMs: drilled.rpoMs,
      problem: null,
    });
    expect((await readdir(server.layout.dir)).filter((name) => name.startsWith('.drill'))).toEqual([]);
    const left = await server.context.db
      .selectFrom('tokens')
      .selectAll()
      .where('name', '=', 'backup-drill')
      .execute();
    expect(left.every(({ revoked_at }) => revoked_at !== null)).toBe(true);
  });

  it('raises no alarm where something is published while it restores', async () => {
    await backups.backUp();
    const { publisher } = server.context;
    const publish = async () => {
      server.now += MINUTE_MS;
      await publisher.publish(publicationOf([['releases', signRole('releases', 2, [])]], [], []), 'test');
      return openKeys();
    };

    expect((await tryIt(backups.backUp, publish)).rtoMs).toBeGreaterThan(0);
    expect(await eventsOf('drill.failed')).toBe(0);
  });

  it('is alone, says so without an alarm, and removes what a killed one left', async () => {
    await backups.backUp();
    const left = join(server.layout.dir, '.drill-killed.tmp');
    await mkdir(left);
    const lock = await tryLock(server.layout.drillLock);

    expect(await refusedCode(tryIt())).toBe('backup/drilling');
    expect(await readBackupMark(server.context.db, 'drill')).toBeNull();
    expect(existsSync(left)).toBe(true);

    lock?.release();
    await tryIt();
    expect(existsSync(left)).toBe(false);
  });

  it('without a backup says that there is none', async () => {
    expect(await refusedCode(tryIt())).toBe('backup/none');
  });

  it('is not content with a copy that is older than it should be', async () => {
    await backups.backUp();
    server.now += MINUTE_MS;
    // Whoever answers for backups says that one was made, and none was.
    expect(await refusedCode(tryIt(async () => undefined))).toBe('restore/unproved');
    expect(await eventsOf('drill.failed')).toBe(1);
    expect((await readBackupMark(server.context.db, 'drill'))?.rtoMs).toBeNull();
  });

  it('notices a bit that turned at the place', async () => {
    await backups.backUp();
    const { address } = backups.config;
    const directory = join(address.kind === 'directory' ? address.path : '', 'files');
    const [file] = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((one) =>
      one.isFile(),
    );
    const path = join(file?.parentPath ?? '', file?.name ?? '');
    const bytes = await readFile(path);
    bytes[60] = (bytes[60] ?? 0) ^ 1;
    await writeFile(path, bytes);

    expect(await refusedCode(tryIt())).toBe('backup/damaged');
    expect(await eventsOf('drill.failed')).toBe(1);
  });
});
