// Reports of a large fleet, durable when they are answered: on one core beside nginx's 304 on the same one.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Figures, median } from './figures.ts';
import { load, type Rate, ROOT, SECONDS, SERVER, startNginxOn, TIMESTAMP } from './polls.ts';
import { processorSeconds } from './processes.ts';
import { requestsOf, type Say, sayAll, sendersOf, sendTo } from './report-senders.ts';
import { type Running, startServer } from './running-server.ts';

const ROUNDS = 3;

export async function measureReports(work: string): Promise<Figures> {
  const directory = join(work, 'reports');
  mkdirSync(directory, { recursive: true });
  const server = await startServer(join(directory, 'server'), ROOT, SERVER, false);
  const nginx = await startNginxOn(directory, join(directory, 'server/data/repository'));
  try {
    const rows = [
      await measure('a full report of 1 kB, SQLite', server, nginx, directory, sayAll),
      await measure('a heartbeat, SQLite', server, nginx, directory, (sequence, report) => [
        'heartbeats',
        { schema: 'fairlead/heartbeat@1', sequence, report },
      ]),
    ];
    return {
      title: 'Reports',
      note:
        `64 kept connections, 4 s each way in turns, the median of ${ROUNDS}; whoever serves has one core, wrk the other. Each is of another instance than the ` +
        'one before, proved with a pass, and durable when it is answered.',
      head: ['what', 'nginx’s 304', 'fairlead-server', 'ratio', 'processor, nginx', 'ours', 'p99'],
      rows,
    };
  } finally {
    await server.stop();
    await nginx.stop();
  }
}

interface Load extends Rate {
  /** Of processors, for one request. */
  readonly microseconds: number;
}

interface Subject {
  readonly url: string;
  readonly pid: number;
}

async function loaded({ pid }: Subject, run: () => Promise<Rate>): Promise<Load> {
  const before = processorSeconds(pid);
  const rate = await run();
  const spent = processorSeconds(pid) - before;
  return { ...rate, microseconds: (spent * 1e6) / (rate.perSecond * SECONDS) };
}

async function measure(
  what: string,
  server: Running,
  nginx: Subject,
  directory: string,
  say: Say,
): Promise<string[]> {
  const senders = await sendersOf(server);
  const tag = (await fetch(`${nginx.url}${TIMESTAMP}`)).headers.get('etag') ?? '';
  const [theirs, ours]: [Load[], Load[]] = [[], []];
  const file = join(directory, 'requests');
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push(await loaded(nginx, () => load(`${nginx.url}${TIMESTAMP}`, tag)));
    writeFileSync(file, requestsOf(senders, say), { mode: 0o600 });
    ours.push(await loaded(server, () => sendTo(server.url, file)));
  }
  const middle = (loads: readonly Load[], of: (one: Load) => number) => median(loads.map(of));
  const rate = (one: Load) => one.perSecond;
  return [
    what,
    ...[theirs, ours].map((loads) => `${Math.round(middle(loads, rate)).toLocaleString('en')}/s`),
    (middle(ours, rate) / middle(theirs, rate)).toFixed(3),
    ...[theirs, ours].map((loads) => `${middle(loads, (one) => one.microseconds).toFixed(0)} µs`),
    `${middle(ours, (one) => one.p99Ms).toFixed(1)} ms`,
  ];
}
