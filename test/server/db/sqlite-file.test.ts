// One connection to the embedded file, and others that are there already.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSqliteFile } from '../../../server/db/sqlite-file.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fairlead-file-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Begins to write a file that is new, says so, and is done after a while in which its thread does nothing else. */
const WRITER = `
  const { DatabaseSync } = require('node:sqlite');
  const { parentPort, workerData } = require('node:worker_threads');
  const database = new DatabaseSync(workerData);
  database.exec('BEGIN IMMEDIATE; CREATE TABLE a (b)');
  parentPort.postMessage('writes');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  database.exec('COMMIT');
  database.close();`;

it('waits for another that has begun to write a new file, though SQLite would send it away at once', async () => {
  const path = join(dir, 'new.db');
  const writer = new Worker(WRITER, { eval: true, workerData: path });
  const ended = once(writer, 'exit');
  await once(writer, 'message');

  const file = openSqliteFile(path);

  expect(file.run('PRAGMA journal_mode', []).rows).toEqual([{ journal_mode: 'wal' }]);
  expect(file.run('SELECT name FROM sqlite_master', []).rows).toEqual([{ name: 'a' }]);
  file.close();
  await ended;
});
