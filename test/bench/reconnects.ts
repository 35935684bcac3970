// A server that restarts under ten thousand agents that listen: when the last one is back, and what becomes of reports meanwhile.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { reportOf } from '../support/reports.ts';
import { type Figures, formatMs } from './figures.ts';
import { INSTANCES, type Running, startServer } from './running-server.ts';

const ROOT = join(import.meta.dirname, '../..');
const SERVER = ['taskset', '-c', '0'] as const;
const AGENTS = ['taskset', '-c', '1'] as const;
/** By then each was pinged: a connection that lasted. */
const STEADY_MS = 60_000;
const GIVE_UP_MS = 300_000;
/** Reports of agents that do not listen. */
const REPORTS_PER_SECOND = 50;

interface Told {
  readonly listening: number;
  /** When each began to listen, in milliseconds since 1970. */
  readonly times: readonly number[];
  readonly polls: number;
  readonly refused: number;
}

export async function measureReconnects(
  work: string,
  count = INSTANCES,
  steadyMs = STEADY_MS,
): Promise<Figures> {
  const directory = join(work, 'reconnects');
  mkdirSync(directory, { recursive: true });
  const server = await startServer(join(directory, 'server'), ROOT, SERVER, false);
  const keyFile = join(directory, 'agents.pem');
  writeFileSync(keyFile, server.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const entry = join(import.meta.dirname, 'reconnect-agents.ts');
  const [command = '', ...argv] = [
    ...AGENTS,
    process.execPath,
    entry,
    server.url,
    String(INSTANCES),
    keyFile,
  ];
  const agents = spawn(command, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: agents.stdout })[Symbol.asyncIterator]();
  const ask = async (): Promise<Told> => {
    agents.stdin.write('\n');
    return JSON.parse((await lines.next()).value ?? '{}');
  };
  const all = async () => {
    const until = performance.now() + GIVE_UP_MS;
    for (let told = await ask(); ; told = await ask()) {
      if (told.listening === count || performance.now() > until) return told;
      await setTimeout(500);
    }
  };
  const reporting = new AbortController();
  try {
    await all();
    await setTimeout(steadyMs);
    const before = await ask();
    const answers = keepReporting(server, reporting.signal);
    const cut = now();
    await server.restart();
    const back = now();
    const after = await all();
    reporting.abort();
    return figuresOf({ cut, back, before, after, answers: await answers });
  } finally {
    reporting.abort();
    agents.kill('SIGKILL');
    await once(agents, 'exit');
    await server.stop();
  }
}

const now = () => performance.timeOrigin + performance.now();

type Answers = Readonly<Record<string, number>>;

interface Found {
  readonly cut: number;
  readonly back: number;
  readonly before: Told;
  readonly after: Told;
  readonly answers: Answers;
}

function figuresOf({ cut, back, before, after, answers }: Found): Figures {
  const waits = after.times.map((at) => at - cut).toSorted((a, b) => a - b);
  const at = (share: number) => formatMs(waits[Math.ceil(waits.length * share) - 1] ?? Number.NaN);
  const { unreachable = 0, 200: taken = 0, ...refused } = answers;
  return {
    title: 'A restart under ten thousand agents',
    note:
      `${before.listening.toLocaleString('en')} agents listen, each by the agent's own code with its own pauses; the server ends and starts again, and is back after ${formatMs(back - cut)}. ` +
      `From the end of the old process to the connection with the new one; ${REPORTS_PER_SECOND} reports a second of others go on meanwhile. The server has one core, all agents the other.`,
    head: ['what', 'figure'],
    rows: [
      [
        'agents that are back',
        `${after.listening.toLocaleString('en')} of ${before.listening.toLocaleString('en')}`,
      ],
      ['half of them after', at(0.5)],
      ['99 of 100 after', at(0.99)],
      ['the last one after', at(1)],
      [
        'polls of those that came back',
        `${after.polls - before.polls}, ${after.refused - before.refused} refused`,
      ],
      ['reports taken', String(taken)],
      [
        'reports refused',
        Object.entries(refused)
          .map(([status, of]) => `${of} × ${status}`)
          .join(', ') || '0',
      ],
      ['reports while no process listened', String(unreachable)],
    ],
  };
}

/** Counts by what was answered; where nobody listens, a report is sent again by its agent, and counted here. */
async function keepReporting(server: Running, signal: AbortSignal): Promise<Answers> {
  const answers: Record<string, number> = {};
  const pending = new Set<Promise<void>>();
  for (let i = 0; !signal.aborted; i++) {
    const one = report(server, i % INSTANCES, i).then((answer) => {
      answers[answer] = (answers[answer] ?? 0) + 1;
      pending.delete(one);
    });
    pending.add(one);
    await setTimeout(1_000 / REPORTS_PER_SECOND);
  }
  await Promise.all(pending);
  return answers;
}

async function report(server: Running, instance: number, i: number): Promise<string> {
  try {
    const response = await fetch(`${server.url}/api/v1/reports`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await server.agentToken(instance)}`,
      },
      body: JSON.stringify(reportOf(1 + Math.floor(i / INSTANCES))),
    });
    await response.arrayBuffer();
    return String(response.status);
  } catch {
    return 'unreachable';
  }
}
