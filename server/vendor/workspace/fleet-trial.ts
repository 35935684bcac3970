// The trial over the known fleet, side by side: a few threads, a few kinds of installs at a time, for a bounded time.
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { startThread } from '../../../shared/node/thread.ts';
import type { Fit, FleetKind, FleetTrial } from '../core/fleet-trial.ts';
import type { FleetLooked, Tried } from '../core/fleet-verdict.ts';

export interface TrialOptions {
  readonly onProgress: (done: number, all: number) => void;
  readonly limitMs?: number;
}

const MOST_THREADS = 4;
/** Few enough that progress moves, and that no thread waits long for another's last ones. */
const AT_A_TIME = 10;
const LIMIT_MS = 5 * 60_000;
/** A catalog of ten thousand releases, and what compiling it takes. */
const HEAP_MB = 1_024;

/** What was not tried in time is said, not guessed. Threads end with this process. */
export async function tryFleet(
  trial: FleetTrial,
  kinds: readonly FleetKind[],
  { onProgress, limitMs = LIMIT_MS }: TrialOptions,
): Promise<Omit<FleetLooked, 'more'>> {
  const tried: Tried[] = [];
  const queue = kinds.values();
  const lanes = Math.min(MOST_THREADS, availableParallelism(), Math.ceil(kinds.length / AT_A_TIME));
  const threads = Array.from({ length: lanes }, () =>
    startThread<readonly FleetKind[], readonly Fit[]>('server/vendor/workspace/fleet-thread.ts', {
      ...{ data: trial, limits: { maxOldGenerationSizeMb: HEAP_MB } },
    }),
  );
  const over = new AbortController();
  const work = async (thread: (typeof threads)[number]) => {
    for (let some = take(queue); some.length > 0 && !over.signal.aborted; some = take(queue)) {
      const fits = await thread.ask(some);
      tried.push(...some.flatMap((kind, i) => (fits[i] === undefined ? [] : [{ kind, fit: fits[i] }])));
      onProgress(tried.length, kinds.length);
    }
  };
  const limit = setTimeout(limitMs, undefined, { signal: over.signal, ref: false }).catch(() => undefined);
  try {
    await Promise.race([Promise.all(threads.map(work)), limit]);
  } finally {
    over.abort();
    await Promise.all(threads.map((thread) => thread.kill()));
  }
  const all = kinds.reduce((sum, { installs }) => sum + installs, 0);
  return { tried, left: all - tried.reduce((sum, { kind }) => sum + kind.installs, 0) };
}

function take(queue: Iterator<FleetKind>): readonly FleetKind[] {
  const some: FleetKind[] = [];
  while (some.length < AT_A_TIME) {
    const next = queue.next();
    if (next.done === true) break;
    some.push(next.value);
  }
  return some;
}
