// The suites on a disk in memory, `schedules` and `volumes`: faults that a seed draws, recoveries that are hit too, power cuts between.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { mergeResults, type SuiteOptions, type SuiteResult } from './suite.ts';

/** What a lane is to try. */
export interface Lane {
  readonly seeds: readonly number[];
  readonly operations: readonly string[] | undefined;
}

export type LaneMessage = { readonly tried: number } | { readonly result: SuiteResult };

export const trySchedules = (options: SuiteOptions) => tryLanes('schedules-lane.ts', options);
export const tryVolumes = (options: SuiteOptions) => tryLanes('volumes-lane.ts', options);

/** Each schedule is its seed's alone: however many lanes there are, the same ones are tried. */
async function tryLanes(file: string, options: SuiteOptions): Promise<SuiteResult> {
  const lanes = availableParallelism();
  const seeds = Array.from({ length: options.count }, (_, i) => options.seed * 1_000_000 + i);
  let tried = 0;
  const onTried = () => options.onProgress(++tried);
  const laneOf = (lane: number): Lane => ({
    seeds: seeds.filter((_, i) => i % lanes === lane),
    operations: options.operations,
  });
  const results = Array.from({ length: lanes }, (_, lane) =>
    tryLane(file, laneOf(lane), onTried, options.signal),
  );
  return mergeResults(await Promise.all(results));
}

function tryLane(
  file: string,
  lane: Lane,
  onTried: () => void,
  signal: AbortSignal | undefined,
): Promise<SuiteResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(file, import.meta.url), { workerData: lane, execArgv: [] });
    const stop = () => worker.postMessage('stop');
    signal?.addEventListener('abort', stop, { once: true });
    worker.on('message', (message: LaneMessage) => {
      if ('tried' in message) return onTried();
      signal?.removeEventListener('abort', stop);
      resolve(message.result);
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a lane ended with ${code}`)));
  });
}
