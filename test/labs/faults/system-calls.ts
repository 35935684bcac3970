// Suites over the real agent's system calls: `kill` dies at one of them, `full` has one of them refused.
import { availableParallelism } from 'node:os';
import type { Operation } from './laboratory.ts';
import { operationsNamed } from './operations.ts';
import { copyPlace, placeIn, prepareBase } from './places.ts';
import { pointsOf } from './points.ts';
import { type Fault, type Point, runWithFault } from './strace.ts';
import { type CaseResult, judged, type SuiteOptions, type SuiteResult, sample, tryCases } from './suite.ts';

interface SpoiledCall {
  readonly operation: Operation;
  /** A prepared instance. */
  readonly base: string;
  readonly point: Point;
  readonly fault: Fault;
}

const LANES = availableParallelism();
/** How operations of the laboratory fail without a fault. */
const OWN_FAILURES = ['deploy/unhealthy', 'service/stuck'];

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
  for (const operation of operationsNamed(options.operations)) {
    const base = `${options.directory}/${operation.name}`;
    await prepareBase(operation, base);
    for (const point of await pointsOf(operation, base)) {
      for (const fault of faults) cases.push({ operation, base, point, fault });
    }
  }
  return tryCases(sample(cases, options.count, options.seed), LANES, options, tryCall);
}

async function tryCall(
  { operation, base, point, fault }: SpoiledCall,
  directory: string,
): Promise<CaseResult> {
  await copyPlace(base, directory);
  const { acknowledged, hit, isHung, errors } = await runWithFault(operation.name, directory, point, fault);
  const { end, failure, problems } = await judged(operation.judge(placeIn(directory), acknowledged));
  const found = [...problems];
  if (isHung) found.push('it hangs');
  if (!hit) found.push(`the fault did not take place ${errors}`);
  if (fault !== 'signal=KILL' && !namesTheDisk(failure, errors)) found.push(`blames ${failure ?? errors}`);
  const name = `${operation.name}, ${fault} at ${point.call} ${point.nth} of "${point.path}"`;
  return { end, problems: found.map((problem) => `${name}: ${problem}`) };
}

/** Where a refusal had a consequence at all, the record or the process says that it was the disk. */
function namesTheDisk(failure: string | null, errors: string): boolean {
  if (errors !== '') return errors.includes("code: 'disk/");
  return failure === null || failure.startsWith('disk/') || OWN_FAILURES.includes(failure);
}
