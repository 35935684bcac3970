// Suites over the real agent's system calls: `kill` dies at one of them, `full` has one of them refused.
import { OPERATIONS, type Operation } from './operations.ts';
import { copyPlace, placeIn, prepareBase } from './places.ts';
import { type Fault, listPoints, type Point, runWithFault } from './strace.ts';
import { type CaseResult, type SuiteOptions, type SuiteResult, sample, tryCases } from './suite.ts';

interface SpoiledCall {
  readonly operation: Operation;
  /** A prepared instance. */
  readonly base: string;
  readonly point: Point;
  readonly fault: Fault;
}

const LANES = 2;

export const REFUSALS: readonly Fault[] = ['error=ENOSPC', 'error=EIO', 'error=EROFS'];

/**
 * SIGKILL at the entry of every durable call. The call itself does not happen: dying before one call is dying after the
 * one before it.
 */
export function killAtCalls(options: SuiteOptions): Promise<SuiteResult> {
  return spoilCalls(options, ['signal=KILL']);
}

/** Every durable call refused once, with a full, a failing and a read-only disk. */
export function refuseCalls(options: SuiteOptions): Promise<SuiteResult> {
  return spoilCalls(options, REFUSALS);
}

export async function spoilCalls(options: SuiteOptions, faults: readonly Fault[]): Promise<SuiteResult> {
  const cases: SpoiledCall[] = [];
  for (const operation of OPERATIONS) {
    const base = `${options.directory}/${operation.name}`;
    await prepareBase(operation, base);
    for (const point of await pointsOf(operation, base)) {
      for (const fault of faults) cases.push({ operation, base, point, fault });
    }
  }
  return tryCases(sample(cases, options.count, options.seed), LANES, options, tryCall);
}

async function pointsOf(operation: Operation, base: string): Promise<readonly Point[]> {
  const directory = `${base}-counted`;
  await copyPlace(base, directory);
  return listPoints(operation.name, directory);
}

async function tryCall(
  { operation, base, point, fault }: SpoiledCall,
  directory: string,
): Promise<CaseResult> {
  await copyPlace(base, directory);
  const { acknowledged, hit, errors } = await runWithFault(operation.name, directory, point, fault);
  const { end, problems } = await operation
    .judge(placeIn(directory), acknowledged)
    .catch((error: Error) => ({ end: 'stuck', problems: [`cannot be recovered: ${error.stack}`] }));
  const found = hit ? problems : [...problems, `the fault did not take place${errors}`];
  const name = `${operation.name}, ${fault} at ${point.call} ${point.nth} of "${point.path}"`;
  return { end, problems: found.map((problem) => `${name}: ${problem}`) };
}
