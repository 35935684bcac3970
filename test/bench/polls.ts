// Polls and reports of a large fleet: the release server on one core beside nginx on the same one, in turns, the same generator on the other.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { reportOf } from '../support/reports.ts';
import { type Figures, median } from './figures.ts';
import { type Running, startServer } from './running-server.ts';

const ROOT = join(import.meta.dirname, '../..');
const SERVER = ['taskset', '-c', '0'] as const;
const GENERATOR = ['taskset', '-c', '1'] as const;
const CONNECTIONS = 64;
const SECONDS = 4;
const ROUNDS = 3;
const TIMESTAMP = '/repository/metadata/timestamp.json';
/** Unreferenced metadata of a long history. */
const OTHERS = 5_000;

interface Rate {
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** Null where the generator or nginx is not installed: there is nothing to compare with. */
export async function measurePolls(work: string): Promise<Figures> {
  const directory = join(work, 'polls');
  mkdirSync(directory, { recursive: true });
  const server = await startServer(join(directory, 'server'), ROOT, SERVER);
  const repository = join(directory, 'server/data/repository');
  const nginx = await startNginxOn(directory, repository);
  try {
    const { headers } = await fetch(`${server.url}${TIMESTAMP}`);
    const nginxTag = (await fetch(`${nginx.url}${TIMESTAMP}`)).headers.get('etag') ?? '';
    const rows = [
      await inTurns('304 of timestamp.json', nginx.url, server.url, TIMESTAMP, [
        nginxTag,
        headers.get('etag') ?? '',
      ]),
      await inTurns('200 of timestamp.json', nginx.url, server.url, TIMESTAMP),
      await inTurns('200 of 1.root.json', nginx.url, server.url, '/repository/metadata/1.root.json'),
      await inTurns('404 of 2.root.json', nginx.url, server.url, '/repository/metadata/2.root.json'),
    ];
    for (let i = 0; i < OTHERS; i++) {
      copyFileSync(
        join(repository, 'metadata/timestamp.json'),
        join(repository, `metadata/${1_000 + i}.unused.json`),
      );
    }
    rows.push(
      await inTurns(`304, ${OTHERS.toLocaleString('en')} files there`, nginx.url, server.url, TIMESTAMP, [
        nginxTag,
        headers.get('etag') ?? '',
      ]),
    );
    rows.push(await reportRow(server, nginx.url, nginxTag));
    return {
      title: 'Polls and reports',
      note:
        `${CONNECTIONS} kept connections, ${SECONDS} s each way in turns, the median of ${ROUNDS}; whoever serves has one core, wrk the other. nginx serves the same ` +
        'files with sendfile and no log. A report is of 1 kB, of another instance each time, on SQLite, and is durable when it is answered; it stands beside nginx’s 304.',
      head: ['what', 'nginx', 'fairlead-server', 'ratio', 'p99'],
      rows,
    };
  } finally {
    await server.stop();
    await nginx.stop();
  }
}

async function inTurns(
  what: string,
  nginx: string,
  ours: string,
  path: string,
  tags?: readonly [string, string],
): Promise<string[]> {
  const theirs: Rate[] = [];
  const found: Rate[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push(await load(`${nginx}${path}`, tags?.[0]));
    found.push(await load(`${ours}${path}`, tags?.[1]));
  }
  return row(what, theirs, found);
}

async function reportRow(server: Running, nginx: string, tag: string): Promise<string[]> {
  const bodies = join(import.meta.dirname, 'reports.lua');
  const tokens = await Promise.all(Array.from({ length: 1_000 }, (_, i) => server.agentToken(i)));
  const file = join(ROOT, 'node_modules/.bench-tokens');
  writeFileSync(file, tokens.join('\n'), { mode: 0o600 });
  const theirs = [await load(`${nginx}${TIMESTAMP}`, tag)];
  const environment = { FAIRLEAD_BENCH_TOKENS: file, FAIRLEAD_BENCH_REPORT: JSON.stringify(reportOf(7)) };
  const found = [await load(`${server.url}/api/v1/reports`, undefined, ['-s', bodies], environment)];
  return row('a report', theirs, found);
}

function row(what: string, theirs: readonly Rate[], ours: readonly Rate[]): string[] {
  const rate = (rates: readonly Rate[]) => median(rates.map(({ perSecond }) => perSecond));
  const show = (perSecond: number) => `${Math.round(perSecond).toLocaleString('en')}/s`;
  const p99 = median(ours.map(({ p99Ms }) => p99Ms));
  return [
    what,
    show(rate(theirs)),
    show(rate(ours)),
    (rate(ours) / rate(theirs)).toFixed(2),
    `${p99.toFixed(1)} ms`,
  ];
}

async function load(
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

async function startNginxOn(directory: string, repository: string) {
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
  const [command = '', ...argv] = [...SERVER, 'nginx', '-c', file];
  const child = spawn(command, argv, { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 100; attempt++) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      break;
    await setTimeout(100);
  }
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
