// One operation as a process: started, heard, ended.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Acknowledged } from './acknowledged.ts';

const PROGRAM = new URL('one-operation.ts', import.meta.url).pathname;

export function parseAcknowledged(output: string): readonly Acknowledged[] {
  // A last line without its end was not heard.
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** Node can hang while it leaves; a case that hangs so is one of a process that was killed. */
const PATIENCE_MS = 120_000;

/** Starts an operation as a process; one thread does its disk work, so that calls come in one order. */
export function startOperation(
  operation: string,
  directory: string,
  tracer: readonly string[] = [],
): ChildProcess {
  const [program = process.execPath, ...rest] = [...tracer, process.execPath, PROGRAM, operation, directory];
  return spawn(program, rest, {
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: it can be killed with whatever traces it.
    detached: true,
  });
}

/** All that it says until it ends; what lives too long is killed, with whatever traces it. */
export async function collectOutput(child: ChildProcess) {
  const text = { output: '', errors: '' };
  child.stdout?.on('data', (data) => {
    text.output += data;
  });
  child.stderr?.on('data', (data) => {
    text.errors += data;
  });
  const patience = setTimeout(() => signalGroup(child, 'SIGKILL'), PATIENCE_MS);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => clearTimeout(patience));
  return { ...text, status };
}

/** To an operation and its tracer; both may be gone. */
export function signalGroup(child: ChildProcess, name: 'SIGCONT' | 'SIGKILL'): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, name);
}
