// Child processes and what they use: output, memory, time to start.
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { timed } from './figures.ts';

const run = promisify(execFile);

export interface RunOptions {
  readonly limitMs?: number;
  readonly cwd?: string;
}

/** What a script prints, or null when it is not done in time. */
export async function runNode(args: readonly string[], options: RunOptions = {}): Promise<string | null> {
  const { limitMs: timeout = 60_000, ...rest } = options;
  try {
    const { stdout } = await run(process.execPath, args, { ...rest, timeout, killSignal: 'SIGKILL' });
    return stdout;
  } catch (cause) {
    if (cause instanceof Error && 'killed' in cause && cause.killed === true) return null;
    throw cause;
  }
}

/** Milliseconds a shell pipeline takes. It is the bench's own text, never input. */
export function timeShell(command: string): Promise<number> {
  return timed(() => run('bash', ['-o', 'pipefail', '-c', command], { maxBuffer: 2 ** 26 }));
}

export async function timeProgram(program: string, args: readonly string[]): Promise<number> {
  return timed(() => run(program, args));
}

/** Bytes of memory a process has; `VmHWM` is the most it ever had. */
export function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
}

/** Bytes resident in a program that has been left alone for a while. Throws when it ends by itself. */
export async function idleResidentBytes(
  program: string,
  args: readonly string[],
  idleMs: number,
): Promise<number> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const ended = new Promise<'ended'>((resolve) => child.once('exit', () => resolve('ended')));
  const idle = new Promise<'idle'>((resolve) => setTimeout(() => resolve('idle'), idleMs));
  const outcome = await Promise.race([ended, idle]);
  if (outcome === 'ended' || child.pid === undefined) {
    throw new Error(`${program} ${args.join(' ')} ended by itself: ${complaint.trim()}`);
  }
  const bytes = residentBytes(child.pid);
  child.kill('SIGTERM');
  await ended;
  return bytes;
}
