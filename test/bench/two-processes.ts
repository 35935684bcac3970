// Reports on PostgreSQL: what one process of the server takes, and what a second one beside it adds.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { type Figures, median } from './figures.ts';
import { type Held, holdTo } from './held.ts';
import { type Rate, ROOT, SECONDS } from './polls.ts';
import { processorSeconds } from './processes.ts';
import { requestsOf, type Sender, sayAll, sendersOf, sendTo } from './report-senders.ts';
import { type Another, type Running, startServer } from './running-server.ts';

const ROUNDS = 3;
const SHARE = 0.4;
const SERVERS = ['taskset', '-c', '0'] as const;
const DATABASE = ['taskset', '-c', '1'] as const;

const FIGURES = {
  title: 'Reports on PostgreSQL, and a second process',
  note:
    `Full reports of 1 kB, each of another instance than the one before, proved with a pass and on the disk when they are answered; 64 kept connections to each process, ${SECONDS} s each way ` +
    `in turns, the median of ${ROUNDS}. All processes of the server have one core, PostgreSQL and wrk the other. Free is a process that nothing holds back; the others are held to ` +
    `${SHARE * 100} % of the core each, by the kernel. Processor time is for one report, of the server and of PostgreSQL.`,
  head: ['what', 'reports', 'to one', 'processor, server', 'PostgreSQL', 'p99'],
} as const;

export async function measureTwoProcesses(work: string): Promise<Figures> {
  const programs = findPostgres();
  if (programs === null) return skipped('PostgreSQL is not installed');
  const [first, second] = [holdTo(SHARE, 'first'), holdTo(SHARE, 'second')];
  if (first === null || second === null)
    return skipped('processes cannot be held here: no cgroup of version 1 to write to');
  const directory = join(work, 'two-processes');
  mkdirSync(directory, { recursive: true });
  const postgres = await startPostgres(programs, { isDurable: true, before: DATABASE });
  try {
    const { url } = await postgres.createEmpty();
    const server = await startServer(join(directory, 'server'), ROOT, SERVERS, false, url);
    const others: Another[] = [];
    try {
      others.push(await server.another([...SERVERS, ...first.words]));
      others.push(await server.another([...SERVERS, ...second.words]));
      const measured = await measureInTurns(server, others, postgres.pid, directory);
      return { ...FIGURES, rows: rowsOf(measured) };
    } finally {
      await Promise.all([server, ...others].map((one) => one.stop()));
    }
  } finally {
    await postgres.stop();
    await Promise.all([first, second].map((held: Held) => held.stop()));
  }
}

function skipped(reason: string): Figures {
  return { ...FIGURES, rows: [['SKIP', reason, '', '', '', '']] };
}

interface Load extends Rate {
  readonly serverUs: number;
  readonly databaseUs: number;
}

interface Measured {
  readonly free: readonly Load[];
  readonly one: readonly Load[];
  readonly two: readonly Load[];
}

async function measureInTurns(
  server: Running,
  [first, second]: readonly Another[],
  database: number,
  directory: string,
): Promise<Measured> {
  if (first === undefined || second === undefined) throw new Error('two processes are measured');
  const senders = await sendersOf(server);
  const [free, one, two]: [Load[], Load[], Load[]] = [[], [], []];
  const measure = (at: readonly Another[]) => loaded(at, senders, database, directory);
  for (let round = 0; round < ROUNDS; round++) {
    free.push(await measure([server]));
    one.push(await measure([first]));
    two.push(await measure([first, second]));
  }
  return { free, one, two };
}

/** Each of them has senders of its own, so that nobody waits for another's row. */
async function loaded(
  at: readonly Another[],
  senders: readonly Sender[],
  database: number,
  directory: string,
): Promise<Load> {
  const files = at.map((_, i) => {
    const file = join(directory, `requests-${i}`);
    const part = senders.filter((_, j) => j % at.length === i);
    writeFileSync(file, requestsOf(part, sayAll), { mode: 0o600 });
    return file;
  });
  const used = () => [
    at.reduce((sum, { pid }) => sum + processorSeconds(pid), 0),
    processorSeconds(database),
  ];
  const [serverBefore = 0, databaseBefore = 0] = used();
  const rates = await Promise.all(at.map(({ url }, i) => sendTo(url, files[i] ?? '')));
  const [server = 0, postgres = 0] = used();
  const perSecond = rates.reduce((sum, rate) => sum + rate.perSecond, 0);
  const each = (seconds: number) => (seconds * 1e6) / (perSecond * SECONDS);
  return {
    ...{ perSecond, p99Ms: Math.max(...rates.map(({ p99Ms }) => p99Ms)) },
    ...{ serverUs: each(server - serverBefore), databaseUs: each(postgres - databaseBefore) },
  };
}

function rowsOf({ free, one, two }: Measured): readonly (readonly string[])[] {
  const middle = (loads: readonly Load[], of: (load: Load) => number) => median(loads.map(of));
  const rate = (load: Load) => load.perSecond;
  const row = (what: string, loads: readonly Load[]) => [
    what,
    `${Math.round(middle(loads, rate)).toLocaleString('en')}/s`,
    (middle(loads, rate) / middle(one, rate)).toFixed(2),
    `${middle(loads, ({ serverUs }) => serverUs).toFixed(0)} µs`,
    `${middle(loads, ({ databaseUs }) => databaseUs).toFixed(0)} µs`,
    `${middle(loads, ({ p99Ms }) => p99Ms).toFixed(1)} ms`,
  ];
  return [
    row('one process, free', free),
    row('one process, held', one),
    row('two processes, each held', two),
    ...(isNoisy(one) || isNoisy(two)
      ? [['NOISY', 'the rounds differ by more than a quarter', '', '', '', '']]
      : []),
  ];
}

function isNoisy(loads: readonly Load[]): boolean {
  const rates = loads.map(({ perSecond }) => perSecond);
  return Math.max(...rates) > 1.25 * Math.min(...rates);
}
