// One operation as a process: started, heard, ended.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Acknowledged } from './acknowledged.ts';

const PROGRAM = new URL('one-operation.ts', import.meta.url).pathname;

export function parseAcknowledged(output: string): readonly Acknowledged[] {
  // A last line without its end was not heard.
  return output
    .split('\n')
    .slice(0, -1)
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** What it writes once all is done. Node can hang while it leaves: that is no promise broken, and before this it is one. */
export const END = '\n';
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
export async function collectOutput(child: ChildProcess, patienceMs = PATIENCE_MS) {
  const text = { output: '', errors: '', isHung: false };
  child.stdout?.on('data', (data) => {
    text.output += data;
  });
  child.stderr?.on('data', (data) => {
    text.errors += data;
  });
  const patience = setTimeout(() => {
    text.isHung = text.errors === '' && !`\n${text.output}`.endsWith(`\n${END}`);
    signalGroup(child, 'SIGKILL');
  }, patienceMs);
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
