// Running a release's command to its end: its own account and environment, its whole group killed when the time is over.
import { type ChildProcess, spawn } from 'node:child_process';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { ask } from '../../../shared/node/probes/ask.ts';
import type { Command } from '../../core/deploy/health.ts';
import type { Prober } from '../../ports/machine.ts';
import { environmentFor, resolveAccount } from './account.ts';
import { asAccount, withServiceUmask } from './as-account.ts';

export interface CommandSpec {
  readonly exec: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly dataDirectory: string;
  readonly user: string | null;
}

export interface CommandResult {
  /** `exit status 1` or `killed by SIGKILL`. */
  readonly ending: string;
  /** The last line it wrote on either stream. */
  readonly lastLine: string;
}

const KEPT_OUTPUT_BYTES = 4 * 1024;

/** Throws when the command cannot be started, or when the limit aborts it first. */
export async function runCommand(spec: CommandSpec, limit: AbortSignal): Promise<CommandResult> {
  const account = await resolveAccount(spec.user, spec.exec[0] ?? '');
  const own = environmentFor(spec.dataDirectory, spec.env);
  const { argv, env, ids } = await asAccount(spec.exec, own, account);
  const [program = '', ...args] = argv;
  await makeDirectory(spec.dataDirectory);
  const child: ChildProcess = withServiceUmask(() =>
    spawn(program, args, {
      ...ids,
      cwd: spec.workingDirectory,
      env: { ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
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
