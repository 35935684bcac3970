// Cut off anywhere: a backup that is none does not count, and a restored server is all there or does not start.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createBackingUp } from '../../../server/backup/back-up.ts';
import { openPlace } from '../../../server/backup/place.ts';
import { listSets } from '../../../server/backup/take.ts';
import { beginMove, moveIn, RESTORING } from '../../../server/cli/restore-move.ts';
import { keepBackups } from '../../support/backups.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { refusedCode } from '../../support/error-code.ts';
import { firstPublication } from '../../support/publications.ts';
import { startTestServer } from '../../support/server-under-test.ts';
import { storeAt, watchWrites } from '../../support/stores.ts';

const MOVE = new URL('../../../server/cli/restore-move.ts', import.meta.url).href;
const KILLER = new URL('../../support/kill-at-rename.ts', import.meta.url).href;

/** A dozen processes, one after the other. */
const LIMIT_MS = 180_000;

describe('a backup', () => {
  it('that fails at any of its writes is none, and the one before is whole', async () => {
    const server = await startTestServer();
    await server.bearer('admin');
    const backups = keepBackups(server);
    onTestFinished(async () => {
      await backups.close();
      await server.close();
    });
    await backups.backUp();
    const { publisher, config, db } = server.context;
    // Nothing of it is there before the backup.
    server.keepCommit = async () => undefined;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
    let left = 0;
    const writes = async () => {
      if (left-- <= 0) throw Object.assign(new Error('no room'), { code: 'ENOSPC', syscall: 'write' });
    };
    const { address } = backups.config;
    const there = storeAt(address.kind === 'directory' ? address.path : '');
    const watched = watchWrites(there, writes);
    const failing = {
      ...watched,
      take: async (name: string, file: string) => writes().then(() => there.take(name, file)),
    };
    const place = openPlace(backups.config, server.layout.backupStaging, failing);
    const { layout, store } = server;
    const of = { layout, address: config.database, db, store, now: () => server.now };

    let failed = 0;
    for (;;) {
      left = failed;
      const code = await createBackingUp(of, backups.config, place)
        .backUp()
        .then(
          () => null,
          () => 'failed',
        );
      if (code === null) break;
      failed++;
      expect(await listSets(backups.place)).toHaveLength(1);
    }

    expect(failed).toBeGreaterThanOrEqual(5);
    expect(await listSets(backups.place)).toHaveLength(2);
    for (const { sequence } of await listSets(backups.place))
      await (await backups.restore(sequence)).db.destroy();
    expect((await backups.place.list('data/')).length).toBe(2);
  });
});

describe('what was restored', () => {
  const NAMES = ['admin.token', 'fairlead.db', 'keys', 'repository'];

  /** A server's directory with something in it, and what takes its place, put together aside. */
  function lay(dir: string): void {
    mkdirSync(join(dir, RESTORING, 'keys'), { recursive: true });
    mkdirSync(join(dir, RESTORING, 'repository'));
    for (const name of ['admin.token', 'fairlead.db', 'keys/one', 'repository/two'])
      writeFileSync(join(dir, RESTORING, name), `new ${name}`);
  }

  const textIn = (dir: string, name: string) => readFileSync(join(dir, name), 'utf8');

  it('is moved in, killed at any rename, so that it is all there or starts as no server', {
    timeout: LIMIT_MS,
  }, async () => {
    let kills = 0;
    for (let at = 1; ; at++) {
      const dir = temporaryDirectory();
      mkdirSync(join(dir, 'keys'));
      for (const name of ['fairlead.db', 'notes']) writeFileSync(join(dir, name), `old ${name}`);
      lay(dir);
      const script = `import(${JSON.stringify(MOVE)}).then((room) => room.moveIn(${JSON.stringify(dir)}))`;
      const env = { PATH: process.env.PATH, KILL_AT: String(at) };
      const ended = await promisify(execFile)(process.execPath, ['--import', KILLER, '-e', script], {
        env,
      }).then(
        () => true,
        () => false,
      );
      if (ended) break;
      kills++;
      if (existsSync(join(dir, 'fairlead.db')) && textIn(dir, 'fairlead.db') === 'new fairlead.db')
        expect(NAMES.filter((name) => existsSync(join(dir, name)))).toEqual(NAMES);
      const isUntouched = existsSync(join(dir, 'notes')) && existsSync(join(dir, 'fairlead.db'));

      // Given again.
      await beginMove(dir, isUntouched || !existsSync(join(dir, '.restoring-moves')));
      lay(dir);
      await moveIn(dir);

      expect(NAMES.map((name) => existsSync(join(dir, name)))).toEqual(NAMES.map(() => true));
      expect(textIn(dir, 'fairlead.db')).toBe('new fairlead.db');
      const kept = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /^\.replaced.*\/(?:notes|fairlead\.db)$/.test(name),
      );
      expect(kept.some((name) => textIn(dir, name) === 'old notes')).toBe(true);
      expect(kept.some((name) => textIn(dir, name) === 'old fairlead.db')).toBe(true);
    }
    expect(kills).toBeGreaterThan(10);
  });

  it('writes over nothing that nobody told it to put aside', async () => {
    const dir = temporaryDirectory();
    writeFileSync(join(dir, 'notes'), 'mine');
    expect(await refusedCode(beginMove(dir, false))).toBe('restore/occupied');
    await beginMove(dir, true);
    expect(textIn(dir, 'notes')).toBe('mine');
  });
});
