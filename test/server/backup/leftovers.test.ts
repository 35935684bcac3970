// What a kill leaves on the way to the place of the backups: it goes, and what somebody is still at work on stays.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { layoutOf } from '../../../server/repository/layout.ts';
import { tryLock } from '../../../shared/node/lock.ts';
import { keepBackups } from '../../support/backups.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { until } from '../../support/earlier-install.ts';
import { callServer, endServer, runServer } from '../../support/server-process.ts';
import { startTestServer } from '../../support/server-under-test.ts';

const LIMIT_MS = 60_000;
const HOURS_AGO = new Date(Date.now() - 2 * 60 * 60_000);
const ROOMS = new URL('../../../server/', import.meta.url).href;

/** Sends to the directory what has no end. */
const SENDER = `
  const [place, keys, address] = await Promise.all(
    ['backup/place.ts', 'backup/keys.ts', 'core/repository-address.ts'].map((room) => import('${ROOMS}' + room)));
  const config = { address: address.directoryAddress(process.env.PLACE), keys: keys.parseBackupKeys('x'.repeat(40), 'a test') };
  await place.openPlace(config, '/nowhere').putLarge('data/000000001-20260101T000000Z', (async function* () {
    for (;;) { yield Buffer.alloc(65536); await new Promise((resolve) => setTimeout(resolve, 10)); }
  })());`;

it('goes from the place and from the server once nothing came to it for an hour', async () => {
  const server = await startTestServer();
  await server.bearer('viewer');
  const backups = keepBackups(server);
  onTestFinished(async () => {
    await backups.close();
    await server.close();
  });
  const { address } = backups.config;
  const place = address.kind === 'directory' ? address.path : '';
  const staging = join(place, '.staging');
  const env = { PATH: process.env.PATH, PLACE: place };
  const sender = execFile(process.execPath, ['--input-type=module', '-e', SENDER], { env });
  await until(async () => (existsSync(staging) && readdirSync(staging).length > 0 ? true : null));
  const ended = new Promise((resolve) => sender.once('exit', resolve));
  sender.kill('SIGKILL');
  await ended;
  const [left = ''] = readdirSync(staging);
  mkdirSync(server.layout.backupStaging, { recursive: true });
  mkdirSync(join(place, 'files/00'), { recursive: true });
  const old = [
    join(staging, left),
    join(server.layout.backupStaging, '.copy.tmp'),
    join(place, 'files/00/.a.tmp'),
  ];
  const young = old.map((path) => path.replace('.tmp', 'b.tmp'));
  for (const path of [...old.slice(1), ...young]) writeFileSync(path, 'cut off');
  for (const path of old) utimesSync(path, HOURS_AGO, HOURS_AGO);

  await backups.backUp();

  expect(old.filter((path) => existsSync(path))).toEqual([]);
  expect(young.filter((path) => existsSync(path))).toEqual(young);
});

it('goes when the server starts, unless a drill or a backup is at work on it', {
  timeout: LIMIT_MS,
}, async () => {
  const dir = join(temporaryDirectory(), 'server');
  expect((await callServer(['init', '--dir', dir])).status).toBe(0);
  const layout = layoutOf(dir);
  const paths = [join(dir, '.drill-1.tmp/fairlead.db'), join(layout.backupStaging, '.copy.tmp')];
  mkdirSync(join(dir, '.drill-1.tmp'));
  mkdirSync(layout.backupStaging);
  for (const path of paths) writeFileSync(path, 'half');
  const start = async () => endServer((await runServer(['--dir', dir])).child, 'SIGTERM');
  const locks = [await tryLock(layout.drillLock), await tryLock(layout.backupLock)];

  await start();
  expect(paths.filter((path) => existsSync(path))).toEqual(paths);

  for (const lock of locks) lock?.release();
  await start();
  expect(paths.filter((path) => existsSync(path))).toEqual([]);
});
