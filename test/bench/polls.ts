// Polls of a large fleet: the release server on one core beside nginx and Node's bare HTTP on the same one, in turns, the same generator on the other.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { type Figures, median } from './figures.ts';
import { startServer } from './running-server.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const SERVER = ['taskset', '-c', '0'] as const;
const GENERATOR = ['taskset', '-c', '1'] as const;
const CONNECTIONS = 64;
export const SECONDS = 4;
const ROUNDS = 3;
export const TIMESTAMP = '/repository/metadata/timestamp.json';
/** Unreferenced metadata of a long history. */
const OTHERS = 5_000;

export interface Rate {
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** One of those that serve, and what it calls the timestamp that a poll knows. */
interface Subject {
  readonly url: string;
  readonly tag: string;
}

export async function measurePolls(work: string): Promise<Figures> {
  const directory = join(work, 'polls');
  mkdirSync(directory, { recursive: true });
  const server = await startServer(join(directory, 'server'), ROOT, SERVER, false);
  const repository = join(directory, 'server/data/repository');
  const nginx = await startNginxOn(directory, repository);
  const bare = await startBare(join(repository, 'metadata/timestamp.json'));
  try {
    const subjects = await Promise.all([nginx, bare, server].map(subjectAt));
    const rows = [
      await inTurns('304 of timestamp.json', subjects, TIMESTAMP, true),
      await inTurns('200 of timestamp.json', subjects, TIMESTAMP, false),
      await inTurns('200 of 1.root.json', subjects, '/repository/metadata/1.root.json', false),
      await inTurns('404 of 2.root.json', subjects, '/repository/metadata/2.root.json', false),
    ];
    for (let i = 0; i < OTHERS; i++) {
      const name = `metadata/${1_000 + i}.unused.json`;
      copyFileSync(join(repository, 'metadata/timestamp.json'), join(repository, name));
    }
    const crowded = `304, ${OTHERS.toLocaleString('en')} files there`;
    rows.push(await inTurns(crowded, subjects, TIMESTAMP, true));
    return {
      title: 'Polls',
      note:
        `${CONNECTIONS} kept connections, ${SECONDS} s each way in turns, the median of ${ROUNDS}; whoever serves has one core, wrk the other. nginx serves the same ` +
        'files with sendfile and no log; Node’s bare HTTP gives the timestamp from memory whatever it is asked for.',
      head: ['what', 'nginx', 'Node’s HTTP', 'fairlead-server', 'to nginx', 'to Node’s HTTP', 'p99'],
      rows,
    };
  } finally {
    await server.stop();
    await nginx.stop();
    await bare.stop();
  }
}

async function subjectAt({ url }: { readonly url: string }): Promise<Subject> {
  const { headers } = await fetch(`${url}${TIMESTAMP}`);
  return { url, tag: headers.get('etag') ?? '' };
}

async function inTurns(
  what: string,
  subjects: readonly Subject[],
  path: string,
  isKnown: boolean,
): Promise<string[]> {
  const found = subjects.map((): Rate[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { url, tag }] of subjects.entries()) {
      found[i]?.push(await load(`${url}${path}`, isKnown ? tag : undefined));
    }
  }
  return row(what, found);
}

/** The last of them is ours. */
function row(what: string, found: readonly (readonly Rate[])[]): string[] {
  const rates = found.map((one) => median(one.map(({ perSecond }) => perSecond)));
  const ours = rates.at(-1) ?? 0;
  const p99 = median((found.at(-1) ?? []).map(({ p99Ms }) => p99Ms));
  return [
    what,
    ...rates.map((rate) => `${Math.round(rate).toLocaleString('en')}/s`),
    ...rates.slice(0, -1).map((rate) => (ours / rate).toFixed(2)),
    `${p99.toFixed(1)} ms`,
  ];
}

export async function load(
  url: string,
  tag?: string,
  more: readonly string[] = [],
  environment: object = {},
): Promise<Rate> {
  const known = tag === undefined ? [] : ['-H', `if-none-match: ${tag}`];
  const argv = ['-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, '--latency', ...known, ...more, url];
  const [command = '', ...words] = [...GENERATOR, 'wrk', ...argv];
  const { stdout } = await promisify(execFile)(command, words, { env: { ...process.env, ...environment } });
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  const [, value = '', unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1];
  if (failed !== undefined && !url.endsWith('2.root.json')) throw new Error(`${failed} failed: ${url}`);
  return { perSecond, p99Ms: Number(value) * { us: 0.001, ms: 1, s: 1_000 }[unit as 'ms'] };
}

export async function startNginxOn(directory: string, repository: string) {
  const port = await freePort();
  const file = join(directory, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; user root; pid ${directory}/nginx.pid; error_log /dev/null;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; open_file_cache max=1000; keepalive_requests 100000000;
  types { application/json json; }
  server { listen 127.0.0.1:${port}; location /repository/ { alias ${repository}/; } } }`,
  );
  return serve(['nginx', '-c', file], port);
}

async function startBare(file: string) {
  const port = await freePort();
  return serve([process.execPath, join(import.meta.dirname, 'bare-server.js'), file, String(port)], port);
}

async function serve(words: readonly string[], port: number) {
  const [command = '', ...argv] = [...SERVER, ...words];
  const child = spawn(command, argv, { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const answers = () => fetch(url).then(Boolean, () => false);
  for (let attempt = 0; attempt < 100 && !(await answers()); attempt++) await setTimeout(100);
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
