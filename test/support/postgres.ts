// A real PostgreSQL of the machine's own packages, in a temporary directory, on a socket of its own.
import { execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { openDatabase } from '../../server/db/database.ts';

const run = promisify(execFile);
const PACKAGES = '/usr/lib/postgresql';
const TEMPLATE = 'made';

export interface Postgres {
  /** The address of a new database with our tables and nothing in them. */
  create(): Promise<string>;
  stop(): Promise<void>;
}

/** Null where the machine has none. */
export function findPostgres(): string | null {
  if (!existsSync(PACKAGES)) return null;
  const [newest] = readdirSync(PACKAGES).sort((a, b) => Number(b) - Number(a));
  const programs = join(PACKAGES, newest ?? '', 'bin');
  return existsSync(join(programs, 'initdb')) ? programs : null;
}

/** Never the superuser: PostgreSQL refuses to run as root. */
async function account(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (userInfo().uid !== 0) return undefined;
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'postgres'])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}

export async function startPostgres(programs: string): Promise<Postgres> {
  const as = await account();
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-pg-'));
  if (as !== undefined) chownSync(dir, as.uid, as.gid);
  const data = join(dir, 'data');
  // Another collation than bytes, on purpose: nothing may lean on what the database was made with.
  const options = ['--username=fairlead', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C.UTF-8'];
  await run(join(programs, 'initdb'), ['-D', data, ...options], { ...as, cwd: dir });
  const settings = ['-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'max_connections=200'];
  const server = spawn(join(programs, 'postgres'), ['-D', data, '-k', dir, ...settings], {
    ...as,
    cwd: dir,
    stdio: 'ignore',
  });
  const address = (database: string) => `postgres://fairlead@localhost/${database}?host=${dir}`;
  const admin = await connect(address('postgres'));
  await migrateTemplate(admin, address);
  let made = 0;
  return {
    create: async () => {
      const name = `test${++made}`;
      await admin.query(`create database ${name} template ${TEMPLATE}`);
      return address(name);
    },
    stop: async () => {
      await admin.end();
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGINT');
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Copying tables is quicker than making them. */
async function migrateTemplate(admin: pg.Client, address: (database: string) => string): Promise<void> {
  await admin.query(`create database ${TEMPLATE}`);
  const db = await openDatabase(address(TEMPLATE));
  await db.destroy();
}

/** Tries until it answers: it says nowhere else that it is up. */
async function connect(url: string): Promise<pg.Client> {
  for (let attempt = 0; ; attempt++) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (attempt === 300) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
