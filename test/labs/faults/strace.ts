// System calls of another process: listed, and spoiled one at a time at exactly the call that is meant.
import { readFile, rm } from 'node:fs/promises';
import type { Acknowledged } from './acknowledged.ts';
import { collectOutput, parseAcknowledged, startOperation } from './operation-process.ts';

/** The nth call of its kind on one path: the same in every run, whatever other threads do. */
export interface Point {
  readonly call: string;
  /** Below the state directory; empty for the directory itself. */
  readonly path: string;
  readonly nth: number;
}

/** What strace's `inject` does at a point. */
export type Fault = 'signal=KILL' | 'signal=STOP' | 'error=ENOSPC' | 'error=EIO' | 'error=EROFS';

export interface Outcome {
  readonly acknowledged: readonly Acknowledged[];
  /** The fault took place. */
  readonly hit: boolean;
  /** It neither went on nor ended. */
  readonly isHung: boolean;
  readonly errors: string;
}

/** Everything that changes a disk or makes a change last. */
const DURABLE_CALLS =
  'write pwrite64 fsync fdatasync syncfs rename renameat renameat2 symlink symlinkat link linkat unlink unlinkat mkdir mkdirat rmdir ftruncate truncate fchmod chmod fchmodat copy_file_range openat'.split(
    ' ',
  );

/** Every durable call that an operation makes below its state directory, in order. */
export async function listPoints(operation: string, directory: string): Promise<readonly Point[]> {
  const log = `${directory}.calls`;
  // The kernel filters. It must not where a fault is due: the calls are then not counted.
  const tracer = [...straceTo(log), '--seccomp-bpf', '-y', '-e', `trace=${DURABLE_CALLS.join()}`];
  const { errors, status } = await collectOutput(startOperation(operation, directory, tracer));
  if (status !== 0) throw new Error(`${operation} fails without a fault: ${errors}`);
  const points = parseCalls(await readFile(log, 'utf8'), `${directory}/state`);
  await rm(log);
  return points;
}

export async function runWithFault(
  operation: string,
  directory: string,
  point: Point,
  fault: Fault,
): Promise<Outcome> {
  const log = `${directory}.calls`;
  const { errors, output, isHung } = await collectOutput(
    startOperation(operation, directory, tracerFor(point, fault, directory, log)),
  );
  const hit = /INJECTED|killed by SIGKILL/.test(await readFile(log, 'utf8'));
  await rm(log);
  return { hit, isHung, errors, acknowledged: parseAcknowledged(output) };
}

/** The command line that puts a fault at a point of whatever is started with it. */
export function tracerFor(
  { call, path, nth }: Point,
  fault: Fault,
  directory: string,
  log: string,
): readonly string[] {
  const watched = path === '' ? `${directory}/state` : `${directory}/state/${path}`;
  const inject = ['-P', watched, '-e', `trace=${call}`, '-e', `inject=${call}:${fault}:when=${nth}`];
  return [...straceTo(log), ...inject];
}

function straceTo(log: string): readonly string[] {
  return ['strace', '-f', '-qq', '-o', log];
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
