// System calls of another process: listed, and spoiled one at a time at exactly the call that is meant.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import type { Acknowledged } from './acknowledged.ts';

/** The nth call of its kind on one path: the same in every run, whatever other threads do. */
export interface Point {
  readonly call: string;
  /** Below the state directory; empty for the directory itself. */
  readonly path: string;
  readonly nth: number;
}

/** What strace's `inject` does at a point: `signal=KILL`, `error=ENOSPC`. */
export type Fault = 'signal=KILL' | 'error=ENOSPC' | 'error=EIO' | 'error=EROFS';

export interface Outcome {
  readonly acknowledged: readonly Acknowledged[];
  /** The fault took place. */
  readonly hit: boolean;
  readonly errors: string;
}

/** Everything that changes a disk or makes a change last. */
const DURABLE_CALLS =
  'write pwrite64 fsync fdatasync syncfs rename renameat renameat2 symlink symlinkat link linkat unlink unlinkat mkdir mkdirat rmdir ftruncate truncate fchmod chmod fchmodat copy_file_range openat'.split(
    ' ',
  );

const PROGRAM = new URL('one-operation.ts', import.meta.url).pathname;

/** Every durable call that an operation makes below its state directory, in order. */
export async function listPoints(operation: string, directory: string): Promise<readonly Point[]> {
  const log = `${directory}/calls`;
  const { errors, status } = await trace(
    log,
    ['-y', '-e', `trace=${DURABLE_CALLS.join()}`],
    operation,
    directory,
  );
  if (status !== 0) throw new Error(`${operation} fails without a fault: ${errors}`);
  const points = parseCalls(await readFile(log, 'utf8'), `${directory}/state`);
  await rm(log);
  return points;
}

export async function runWithFault(
  operation: string,
  directory: string,
  { call, path, nth }: Point,
  fault: Fault,
): Promise<Outcome> {
  const log = `${directory}/calls`;
  const watched = path === '' ? `${directory}/state` : `${directory}/state/${path}`;
  const inject = ['-P', watched, '-e', `trace=${call}`, '-e', `inject=${call}:${fault}:when=${nth}`];
  const { errors, output } = await trace(log, inject, operation, directory);
  const hit = /INJECTED|killed by SIGKILL/.test(await readFile(log, 'utf8'));
  await rm(log);
  return { hit, errors, acknowledged: parseAcknowledged(output) };
}

export function parseAcknowledged(output: string): readonly Acknowledged[] {
  // A last line without its end was not heard.
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

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
  });
}

export async function collectOutput(child: ChildProcess) {
  const text = { output: '', errors: '' };
  child.stdout?.on('data', (data) => {
    text.output += data;
  });
  child.stderr?.on('data', (data) => {
    text.errors += data;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { ...text, status };
}

function trace(log: string, options: readonly string[], operation: string, directory: string) {
  return collectOutput(startOperation(operation, directory, ['strace', '-f', '-qq', '-o', log, ...options]));
}

function parseCalls(log: string, stateDir: string): readonly Point[] {
  const counts = new Map<string, number>();
  const points = new Map<string, Point>();
  for (const line of log.split('\n')) {
    const [, thread, call, args = ''] = /^(\d+) +(\w+)\((.*)/.exec(line) ?? [];
    if (call === undefined) continue;
    const paths = pathsIn(args, stateDir);
    for (const path of new Set(paths)) {
      const key = `${thread} ${call} ${path}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const path = paths[0];
    // Reading opens files too.
    if (path === undefined || (call === 'openat' && !/O_CREAT|O_TRUNC/.test(args))) continue;
    const point = { call, path, nth: counts.get(`${thread} ${call} ${path}`) ?? 1 };
    points.set(`${call} ${path} ${point.nth}`, point);
  }
  return [...points.values()];
}

/** Paths below the state directory, of descriptors and of arguments. */
function pathsIn(args: string, stateDir: string): readonly string[] {
  return [...args.matchAll(/<([^<>]*)>|"([^"]*)"/g)].flatMap(([, ofDescriptor, named]) => {
    const path = ofDescriptor ?? named ?? '';
    if (path === stateDir) return [''];
    return path.startsWith(`${stateDir}/`) ? [path.slice(stateDir.length + 1)] : [];
  });
}
