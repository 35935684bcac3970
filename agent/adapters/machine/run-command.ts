// Running a release's command to its end: its own account and environment, its whole group killed when the time is over.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { makeDirectory } from '../../../shared/node/durable-file.ts';

import { ask } from '../../../shared/node/probes/ask.ts';
import type { Command } from '../../core/deploy/health.ts';
import type { Prober } from '../../ports/machine.ts';
import { environmentFor, recallAccount, resolveAccount, uidOf } from './account.ts';
import { asAccount, type Spawned, withServiceUmask } from './as-account.ts';
import {
  listProcesses,
  lookAtEach,
  type ProcessEntry,
  readOwner,
  readVariable,
  signalProcess,
} from './process-table.ts';

export interface CommandSpec {
  readonly exec: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly dataDirectory: string;
  readonly user: string | null;
  /** What stands on its standard input; nothing unless given. */
  readonly input?: string;
  /** It may run as what its account was within the last seconds. */
  readonly isRecurring?: true;
}

export interface CommandResult {
  /** `exit status 1` or `killed by SIGKILL`. */
  readonly ending: string;
  /** The last line it wrote on either stream. */
  readonly lastLine: string;
}

const KEPT_OUTPUT_BYTES = 4 * 1024;
/** Stands in the environment of everything that one command starts. */
const MARKER = 'FAIRLEAD_COMMAND';
/** A process that forks as fast as it is found is none that a look more would end. */
const MOST_LOOKS = 5;

/** Throws when the command cannot be started, or when the limit aborts it first. */
export async function runCommand(spec: CommandSpec, limit: AbortSignal): Promise<CommandResult> {
  const accountOf = spec.isRecurring === true ? recallAccount : resolveAccount;
  const account = await accountOf(spec.user, spec.exec[0] ?? '');
  const marker = randomUUID();
  const own = { ...environmentFor(spec.dataDirectory, spec.env), [MARKER]: marker };
  const spawned = await asAccount(spec.exec, own, account);
  await makeDirectory(spec.dataDirectory);
  const child = start(spawned, spec.workingDirectory, spec.input);
  // First of all: where no descriptor is left, the child has no streams and its error comes in the next moment.
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    // `exit`, not `close`: a child that the command left in the background may hold the streams open for ever.
    child.once('exit', (code, by) => resolve(by === null ? `exit status ${code}` : `killed by ${by}`));
  });
  const killGroup = () => endGroup(child.pid);
  limit.addEventListener('abort', killGroup, { once: true });
  if (limit.aborted) killGroup();
  let kept = '';
  const keep = (chunk: Buffer) => {
    kept = (kept + chunk.toString('utf8')).slice(-KEPT_OUTPUT_BYTES);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  try {
    const ending = await ended;
    limit.throwIfAborted();
    // What was written just before the end may still be on its way.
    await new Promise((resolve) => setImmediate(resolve));
    return { ending, lastLine: kept.trimEnd().split('\n').at(-1) ?? '' };
  } finally {
    limit.removeEventListener('abort', killGroup);
    killGroup();
    child.stdout?.destroy();
    child.stderr?.destroy();
    // To look at every process of the machine takes time: only for what has taken too much of it.
    if (limit.aborted) await endStrays(marker, uidOf(account));
  }
}

function start({ argv, env, ids }: Spawned, cwd: string, input?: string): ChildProcess {
  const [program = '', ...args] = argv;
  const first = input === undefined ? 'ignore' : 'pipe';
  const child = withServiceUmask(() =>
    spawn(program, args, { ...ids, cwd, env: { ...env }, detached: true, stdio: [first, 'pipe', 'pipe'] }),
  );
  // Who does not read it has ended before: its status says so.
  child.stdin?.on('error', () => undefined).end(input);
  return child;
}

/** What went into a session of its own. Anybody may copy a marker, and has then ended nobody but themselves. */
async function endStrays(marker: string, uid: number): Promise<void> {
  const isStray = async ({ pid }: ProcessEntry) =>
    (await readVariable(pid, MARKER)) === marker && (await readOwner(pid)) === uid;
  for (let look = 0; look < MOST_LOOKS; look++) {
    const strays = await lookAtEach(await listProcesses(), async (entry) =>
      (await isStray(entry)) ? [entry] : [],
    );
    if (strays.flat().length === 0) return;
    for (const entry of strays.flat()) signalProcess(entry, 'SIGKILL');
  }
}

function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
}

export function createProber(): Prober {
  return {
    probe: (probe, signal) => ask<Command>(probe, runCommand, signal),
  };
}
