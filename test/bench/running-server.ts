// The release server of a checkout as a process of its own, with ten thousand instances, for whoever measures it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { onlineKeysReply } from '../../shared/protocol/publication.ts';
import { firstPublication } from '../support/publications.ts';
import { recordOf, reportOf } from '../support/reports.ts';
import { agentToken, idOf } from './agent-token.ts';
import { formatMb } from './figures.ts';
import { residentBytes } from './processes.ts';

export const INSTANCES = 10_000;

export interface Turns {
  readonly longest: number;
  /** Over 50 ms. */
  readonly turns: number;
}

export interface Running {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  /** Of every instance. */
  readonly privateKey: KeyObject;
  /** Of the nth instance. */
  agentToken(instance?: number): Promise<string>;
  /** Since the last time. */
  turns(): Promise<Turns>;
  residentBytes(field: 'VmRSS' | 'VmHWM'): number;
  /** Another process in the place of this one, at the same address. */
  restart(): Promise<void>;
  /** One more process on the same directory, which its database has to allow. */
  another(before: readonly string[]): Promise<Another>;
  stop(): Promise<void>;
}

export type Another = Pick<Running, 'url' | 'pid' | 'stop'>;

export async function ask(
  { url, token }: Pick<Running, 'url' | 'token'>,
  method: string,
  path: string,
  body?: Uint8Array,
  type = 'application/json',
): Promise<string> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'content-type': type }),
  };
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  });
  const text = await response.text();
  const size = text.length > 100_000 ? `, ${formatMb(text.length)}` : '';
  return `${response.status}${size}`;
}

/**
 * `root` is the checkout that it is of; `before` stands before its command line. What is not watched cannot tell its turns.
 * With a `database` the fleet is moved there.
 */
export async function startServer(
  work: string,
  root: string,
  before: readonly string[] = [],
  isWatched = true,
  database: string | null = null,
): Promise<Running> {
  mkdirSync(work, { recursive: true });
  const dir = join(work, 'data');
  const program = join(root, 'server/main.ts');
  const elsewhere = database === null ? {} : { FAIRLEAD_SERVER_DATABASE: database };
  const secret = { ...process.env, FAIRLEAD_PASSPHRASE: 'a passphrase of the bench' };
  const environment = { ...secret, ...elsewhere };
  execFileSync(process.execPath, [program, 'init', '--dir', dir, '--public-url', 'http://127.0.0.1:1'], {
    env: secret,
    stdio: 'ignore',
  });
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  fill(join(dir, 'fairlead.db'), String(publicKey.export({ format: 'jwk' }).x));
  if (database !== null) {
    const move = [program, 'migrate', '--dir', dir, '--to', database];
    execFileSync(process.execPath, move, { env: secret, stdio: 'ignore' });
  }
  const turnsFile = join(work, 'turns.json');
  const monitor = join(import.meta.dirname, 'turns-monitor.js');
  const watched = isWatched ? { NODE_OPTIONS: `--import=${monitor}` } : {};
  // As it is started from a checkout, with the options that it has there.
  const run = [join(root, 'scripts/bin/fairlead-server'), 'run', '--dir', dir];
  const start = (port: string) =>
    listen([...before, ...run, '--port', port], {
      ...environment,
      ...watched,
      FAIRLEAD_BENCH_TURNS: turnsFile,
    });
  let { child, url } = await start('0');
  const token = readFileSync(join(dir, 'admin.token'), 'utf8').trim();
  const keys = onlineKeysReply.parse(await (await fetch(`${url}/api/v1/online-keys`)).json());
  await ask(
    { url, token },
    'POST',
    '/api/v1/publications',
    Buffer.from(JSON.stringify(firstPublication(keys))),
  );
  const end = () => endOf(child);
  const { pid = 0 } = child;
  return {
    ...{ url, token, pid, privateKey },
    agentToken: (instance = 0) => agentToken(privateKey, instance),
    turns: async () => {
      rmSync(turnsFile, { force: true });
      child.kill('SIGUSR2');
      while (!existsSync(turnsFile)) await new Promise((resolve) => setTimeout(resolve, 20));
      return JSON.parse(readFileSync(turnsFile, 'utf8')) as Turns;
    },
    residentBytes: (field) => residentBytes(pid, field),
    restart: async () => {
      await end();
      ({ child, url } = await start(new URL(url).port));
    },
    another: async (words) => {
      const { child: other, url: at } = await listen([...words, ...run, '--port', '0'], environment);
      return { url: at, pid: other.pid ?? 0, stop: () => endOf(other) };
    },
    stop: end,
  };
}

async function endOf(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Answers once it says where it listens. */
async function listen([command = '', ...argv]: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(command, argv, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const url = await new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      const found = /listening on (http:\/\/\S+)/.exec(chunk.toString());
      if (found?.[1] !== undefined) resolve(found[1]);
    });
  });
  return { child, url };
}

/** Rows as the first server wrote them: newer ones bring them to their own tables when they start. */
function fill(file: string, publicKey: string): void {
  const database = new DatabaseSync(file);
  const components = Array.from({ length: 5 }, (_, i) => ({
    ...reportOf(1).components[0],
    component: `core/c${i}`,
  }));
  const { records: _, ...last } = reportOf(1);
  const columns = database.prepare('select name from pragma_table_info(?)').all('instances');
  const isFirst = !columns.some(({ name }) => name === 'running');
  const instance = database.prepare(
    `insert into instances (id, name, hostname, public_key, agent_version, enrolled_at, last_seen, last_sequence, last_report) values (?, ?, 'host', ?, '0.1.0', ?, ?, 0, ?)`,
  );
  const deployment = database.prepare(
    `insert into deployments (instance, record, state, reason, started_at, updated_at, body) values (?, 1, 'committed', 'channel', ?, ?, ?)`,
  );
  const component = isFirst ? null : database.prepare('insert into instance_components values (?, ?, ?)');
  const at = '2026-11-20T12:00:00Z';
  database.exec('begin');
  for (let i = 0; i < INSTANCES; i++) {
    const running = [...components, reportOf(1).components[0]];
    const text = JSON.stringify({ ...last, components: running });
    instance.run(idOf(i), `customer ${i}`, publicKey, at, at, text);
    deployment.run(idOf(i), at, at, JSON.stringify(recordOf(1, 'committed')));
    for (const one of running) component?.run(idOf(i), one?.component ?? '', '1.0.0');
  }
  database.exec('commit');
  database.close();
}
