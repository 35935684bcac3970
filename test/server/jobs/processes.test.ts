// Jobs among processes: one is killed in the middle, one sleeps past its lease, and everything is done once in effect.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { addJob, LEASE_MS } from '../../../server/db/jobs.ts';
import type { Database } from '../../../server/db/tables.ts';
import { locationOf, openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';
import { endServer } from '../../support/server-process.ts';

const WORKER = new URL('../../support/job-worker.ts', import.meta.url).pathname;
const PATIENCE = { timeout: 60_000, interval: 20 };

let dir: string;
let db: Database;
let clock: number;
const workers: ChildProcess[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-jobs-'));
  db = await openAt(join(dir, 'fairlead.db'));
  await sql`create table effects (job text not null, process text not null)`.execute(db);
  clock = NOW;
  await pass(0);
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await endServer(worker, 'SIGKILL');
  await db.destroy();
  await rm(dir, { recursive: true });
});

const write = (name: string, text = '') => writeFile(join(dir, name), text);

async function pass(ms: number): Promise<void> {
  clock += ms;
  await write('clock', String(clock));
}

async function startWorker(name: string): Promise<ChildProcess> {
  const address = JSON.stringify(await locationOf(join(dir, 'fairlead.db')));
  const worker = spawn(process.execPath, [WORKER, dir, name, address], { stdio: 'inherit' });
  workers.push(worker);
  await said(`${name} is ready`);
  return worker;
}

const said = (what: string) =>
  vi.waitFor(async () => expect(await readFile(join(dir, 'said'), 'utf8')).toContain(what), PATIENCE);
const add = (id: string, subject = '') => addJob(db, { id, kind: 'once', subject, due: clock });

async function effects() {
  const { rows } = await sql<{ readonly job: string; readonly process: string }>`
    select job, process from effects order by job`.execute(db);
  return rows.map(({ job, process: by }) => `${job} by ${by}`);
}

/** Time goes on meanwhile: what a slow database refused comes again after its pause. */
const done = (...expected: readonly string[]) =>
  vi.waitFor(async () => {
    await pass(50);
    expect(await effects()).toEqual(expected);
  }, PATIENCE);

it('two that look at once do each of two hundred once', async () => {
  await startWorker('a');
  await startWorker('b');
  for (let i = 0; i < 200; i++) await add(`job-${i}`);

  const left = async () => (await db.selectFrom('jobs').select('id').execute()).length;
  await vi.waitFor(async () => expect(await left()).toBe(0), PATIENCE);

  const jobs = (await effects()).map((line) => line.split(' ')[0]);
  expect([jobs.length, new Set(jobs).size]).toEqual([200, 200]);
}, 120_000);

it('what one that was killed had begun is done by the other', async () => {
  const a = await startWorker('a');
  await add('one', 'slow');
  await said('a began one');
  await endServer(a, 'SIGKILL');
  await write('go-b');
  await startWorker('b');
  await add('two');
  await vi.waitFor(async () => expect(await effects()).toContain('two by b'), PATIENCE);

  await pass(LEASE_MS + 1);

  await done('one by b', 'two by b');
}, 120_000);

it('one that sleeps past its lease has no effect when it wakes, and goes on with other things', async () => {
  const a = await startWorker('a');
  await add('one', 'slow');
  await said('a began one');
  a.kill('SIGSTOP');
  await write('go-b');
  const b = await startWorker('b');
  await pass(LEASE_MS + 1);
  await done('one by b');
  await endServer(b, 'SIGKILL');

  await write('go-a');
  a.kill('SIGCONT');
  await add('two');

  await done('one by b', 'two by a');
  expect(await db.selectFrom('jobs').select('id').execute()).toEqual([]);
}, 120_000);

it('one whose clock is a year ahead keeps no job from the others', async () => {
  await pass(365 * 86_400_000);
  await add('one', 'slow');
  const a = await startWorker('a');
  await said('a began one');
  await endServer(a, 'SIGKILL');
  await pass(-365 * 86_400_000);
  await write('go-b');

  await startWorker('b');

  await done('one by b');
}, 120_000);
