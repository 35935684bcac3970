// The demo's stage with killers behind it: commands are killed and run again, questions asked until somebody answers.
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { environmentFor, type Stage } from '../demo/stage.ts';
import { DemoFailure, type RunOptions, type Terminal } from '../demo/terminal.ts';
import type { Chance } from './chance.ts';
import { killAgents, killServers } from './killers.ts';
import { addTallies, NOTHING_KILLED, type Tally } from './tally.ts';

export interface Harassed {
  readonly stage: Stage;
  tally(): Tally;
  /** Lets nothing be killed any more; server and agent run as the story left them. */
  end(): Promise<void>;
}

/** How long a command takes: its kill may fall anywhere into it. */
const COMMAND_MS = 600;
/** How long a program may be away: an agent that finds an unfinished deployment ends that first. */
const PATIENCE_MS = 300_000;
const PAUSE_MS = 300;

export function harass(stage: Stage, chance: Chance): Harassed {
  let tally = NOTHING_KILLED;
  const count = (one: Partial<Tally>) => {
    tally = addTallies(tally, { ...NOTHING_KILLED, ...one });
  };
  const onKill = (what: string) => count({ kills: { [what]: 1 } });
  const wanted = { server: false, agent: false };
  const exclusively = createQueue();
  const over = new AbortController();
  const killing = {
    ...{ stage, chance, exclusively, onKill },
    onResumed: () => count({ resumed: 1 }),
    signal: over.signal,
    wanted: (program: 'server' | 'agent') => wanted[program],
  };
  const killers = Promise.all([killServers(killing), killAgents(killing)]);
  // Whoever waits for their end hears of it; the story comes first.
  killers.catch(() => undefined);
  const change = (program: 'server' | 'agent', runs: boolean, work: () => Promise<void>) =>
    exclusively(async () => {
      wanted[program] = runs;
      await work();
    });
  return {
    tally: () => tally,
    end: async () => {
      over.abort();
      await killers;
    },
    stage: {
      ...stage,
      terminal: { ...stage.terminal, run: createRunner(stage, chance, onKill, () => count({ reruns: 1 })) },
      startServer: () => change('server', true, stage.startServer),
      stopServer: () => change('server', false, stage.stopServer),
      startAgent: () => change('agent', true, stage.startAgent),
      status: () => askUntilAnswered(stage.status),
      changes: () => askUntilAnswered(stage.changes),
    },
  };
}

/** Every command dies once, unless it is quicker, and is run again until it succeeds. */
function createRunner(
  stage: Stage,
  chance: Chance,
  onKill: (what: string) => void,
  onRerun: () => void,
): Terminal['run'] {
  return async (argv, options = {}) => {
    if (await runAndKill(stage, argv, options, chance.between(0, COMMAND_MS))) {
      onKill(`${argv[0]} command`);
    }
    const start = performance.now();
    for (;;) {
      try {
        const answer = await stage.terminal.run(argv, options);
        if (argv[1] !== 'check' || (await hasContact(stage))) return answer;
      } catch (error) {
        if (!(error instanceof DemoFailure) || performance.now() - start > PATIENCE_MS) throw error;
      }
      onRerun();
      await delay(PAUSE_MS);
    }
  };
}

/** True when the kill found it alive. */
async function runAndKill(
  { directory }: Stage,
  [program = '', ...argv]: readonly string[],
  { stdin = '' }: RunOptions,
  afterMs: number,
): Promise<boolean> {
  const child = spawn(program, argv, {
    cwd: directory,
    env: environmentFor(directory),
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const ended = new Promise<string | null>((resolve) => {
    child.once('exit', (_, signal) => resolve(signal));
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  const signal = await ended;
  clearTimeout(timer);
  return signal === 'SIGKILL';
}

/** Whether the agent's last question reached the server: it may have been away just then. */
async function hasContact(stage: Stage): Promise<boolean> {
  const { contact } = await askUntilAnswered(stage.status);
  return contact !== null && contact.outcome !== 'failed';
}

async function askUntilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  const start = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() - start > PATIENCE_MS) throw error;
      await delay(PAUSE_MS);
    }
  }
}

function createQueue(): (work: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
}
