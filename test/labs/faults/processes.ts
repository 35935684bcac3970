// The suite `processes`: real service processes, and an agent that is killed at any moment of their update.
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { collectOutput, parseAcknowledged, startOperation } from './operation-process.ts';
import { PROCESSES_OPERATION as operation } from './operations.ts';
import { copyPlace, placeIn, prepareBase } from './places.ts';
import { endServicesBelow } from './service-sessions.ts';
import {
  type CaseResult,
  createRandom,
  judged,
  type SuiteOptions,
  type SuiteResult,
  tryCases,
} from './suite.ts';

const LANES = availableParallelism();

/** No call is counted here: a tracer would go on following the services. */
export async function killBesideProcesses(options: SuiteOptions): Promise<SuiteResult> {
  const base = `${options.directory}/base`;
  const random = createRandom(options.seed);
  try {
    await prepareBase(operation, base);
    await endServicesBelow(base);
    const longest = await durationOf(base, `${options.directory}/counted`);
    const moments = Array.from({ length: options.count }, () => random() * longest);
    return await tryCases(moments, LANES, options, (afterMs, directory) =>
      tryMoment(base, directory, afterMs),
    );
  } finally {
    await endServicesBelow(options.directory);
  }
}

/** From the first thing acknowledged to the end. */
async function durationOf(base: string, directory: string): Promise<number> {
  await copyPlace(base, directory);
  const child = startOperation(operation.name, directory);
  const ended = collectOutput(child);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  const start = performance.now();
  await ended;
  return performance.now() - start;
}

async function tryMoment(base: string, directory: string, afterMs: number): Promise<CaseResult> {
  await copyPlace(base, directory);
  const child = startOperation(operation.name, directory);
  const ended = collectOutput(child);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  await delay(afterMs);
  child.kill('SIGKILL');
  const acknowledged = parseAcknowledged((await ended).output);
  const { end, problems } = await judged(operation.judge(placeIn(directory), acknowledged));
  await endServicesBelow(directory);
  return { end, problems: problems.map((problem) => `after ${afterMs.toFixed(0)} ms: ${problem}`) };
}
