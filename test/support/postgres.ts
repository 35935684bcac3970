// A real PostgreSQL of the machine's own packages, in a temporary directory, on a socket of its own.
import { execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type PostgresAddress, parsePostgresAddress } from '../../server/core/database-address.ts';
import { openDatabase } from '../../server/db/database.ts';

const run = promisify(execFile);
const PACKAGES = '/usr/lib/postgresql';
const TEMPLATE = 'made';
/** Each database is three hundred files: on a disk most of a suite's time is theirs. */
const MEMORY = '/dev/shm';
const KEPT = 40;
/** Of all accounts this one alone is asked for its password. */
export const GUARDED = 'guarded';

export interface Postgres {
  /** The address of a new database with our tables and nothing in them. */
  create(): Promise<PostgresAddress>;
  /** The address of a new database with nothing at all. */
  createEmpty(): Promise<PostgresAddress>;
  /** As the one who may do everything. */
  query(sql: string): Promise<unknown>;
  /** Where it listens. */
  readonly socket: string;
  readonly pid: number;
  /** Its files. */
  readonly data: string;
  /** Whatever is under way breaks; answers once it is there again. */
  restart(): Promise<void>;
  /** The first half of that, and the second, which takes what stands in its place by then. */
  halt(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** Null where the machine has none. */
export function findPostgres(): string | null {
  if (!existsSync(PACKAGES)) return null;
  const [newest] = readdirSync(PACKAGES).sort((a, b) => Number(b) - Number(a));
  const programs = join(PACKAGES, newest ?? '', 'bin');
  return existsSync(join(programs, 'initdb')) ? programs : null;
}

/** Undefined for this process's own. Never the superuser: PostgreSQL refuses to run as root. */
export async function postgresAccount(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (userInfo().uid !== 0) return undefined;
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'postgres'])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}

export interface PostgresOptions {
  /** As somebody would run it: on a disk, and an answer waits for it. */
  readonly isDurable?: boolean;
  /** Words before its command line. */
  readonly before?: readonly string[];
}

export async function startPostgres(
  programs: string,
  { isDurable = false, before = [] }: PostgresOptions = {},
): Promise<Postgres> {
  const as = await postgresAccount();
  const dir = await mkdtemp(join(existsSync(MEMORY) && !isDurable ? MEMORY : tmpdir(), 'fairlead-pg-'));
  if (as !== undefined) chownSync(dir, as.uid, as.gid);
  const data = join(dir, 'data');
  // Another collation than bytes, on purpose: nothing may lean on what the database was made with.
  const options = ['--username=fairlead', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C.UTF-8'];
  await run(join(programs, 'initdb'), ['-D', data, ...options], { ...as, cwd: dir });
  const start = () => {
    const careless = isDurable ? [] : ['fsync=off', 'autovacuum=off'];
    const settings = ['listen_addresses=', 'max_connections=200', ...careless].flatMap((setting) => [
      ...['-c', setting],
    ]);
    const [command = '', ...words] = [...before, join(programs, 'postgres'), '-D', data, '-k', dir];
    return spawn(command, [...words, ...settings], {
      ...as,
      cwd: dir,
      stdio: 'ignore',
    });
  };
  await writeFile(join(data, 'pg_hba.conf'), `local all ${GUARDED} scram-sha-256\nlocal all all trust\n`);
  let server = start();
  const address = (database: string) => `postgres://fairlead@localhost/${database}?host=${dir}`;
  let admin = await connect(address('postgres'));
  await migrateTemplate(admin, address);
  let made = 0;
  // From 15 on copying goes through the log unless it is told otherwise, which takes three times as long. Before, there was no choice.
  const copying = Number(basename(dirname(programs))) < 15 ? '' : ' strategy file_copy';
  const create = async (template: string) => {
    const name = `test${++made}`;
    await admin.query(`create database ${name} template ${template}${copying}`);
    // One that is still used stays: a suite may keep its database from the first of its tests to the last.
    if (made > KEPT) await admin.query(`drop database if exists test${made - KEPT}`).catch(() => undefined);
    return parsePostgresAddress(address(name));
  };
  const end = async (signal: NodeJS.Signals) => {
    await admin.end();
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await ended;
  };
  const resume = async () => {
    server = start();
    admin = await connect(address('postgres'));
  };
  return {
    ...{ data, halt: () => end('SIGINT'), resume },
    query: (sql) => admin.query(sql),
    socket: join(dir, '.s.PGSQL.5432'),
    pid: server.pid ?? 0,
    create: () => create(TEMPLATE),
    createEmpty: () => create('template0'),
    restart: async () => {
      await end('SIGINT');
      await resume();
    },
    stop: async () => {
      await end('SIGQUIT');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Copying tables is quicker than making them. */
async function migrateTemplate(admin: pg.Client, address: (database: string) => string): Promise<void> {
  await admin.query(`create database ${TEMPLATE}`);
  const db = await openDatabase(parsePostgresAddress(address(TEMPLATE)));
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
