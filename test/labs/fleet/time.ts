// Simulated time: everybody's clocks over one queue of moments, which moves on when nobody has anything left to do.
import type { Clock } from '../../../agent/ports/machine.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import type { InTurn } from '../../../shared/node/turns.ts';

export interface Time {
  /** True time, which no install knows. */
  now(): EpochMs;
  /** Takes back what it planned. */
  at(moment: EpochMs, act: () => void): () => void;
  /** A process's own clock: whoever sleeps by it never wakes once `isAlive` says no. */
  clockOf(process: { readonly isAlive: boolean; readonly skewMs: number }): Clock;
  /** Time stands still meanwhile, however often the work rests. */
  still: InTurn;
  /** Plays every moment until then. */
  playUntil(end: EpochMs): Promise<void>;
}

interface Moment {
  readonly at: EpochMs;
  readonly order: number;
  act: (() => void) | null;
}

export function createTime(start: EpochMs): Time {
  const queue: Moment[] = [];
  let now = start;
  let planned = 0;
  let busy = 0;

  function at(moment: EpochMs, act: () => void): () => void {
    const planning: Moment = { at: Math.max(now, moment), order: planned++, act };
    push(queue, planning);
    return () => {
      planning.act = null;
    };
  }

  /** Promises that can settle do so before the next macrotask; who rests in between is waited for. */
  async function settled(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (busy > 0);
  }

  return {
    now: () => now,
    at,
    clockOf: (process) => ({
      now: () => now + process.skewMs,
      monotonic: () => now - start,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted === true) return resolve();
          const wake = () => {
            cancel();
            signal?.removeEventListener('abort', wake);
            if (process.isAlive) resolve();
          };
          const cancel = at(now + Math.max(0, ms), wake);
          signal?.addEventListener('abort', wake, { once: true });
        }),
    }),
    async still(work) {
      busy++;
      try {
        return await work();
      } finally {
        busy--;
      }
    },
    async playUntil(end) {
      await settled();
      for (let next = queue[0]; next !== undefined && next.at <= end; next = queue[0]) {
        pop(queue);
        if (next.act === null) continue;
        now = next.at;
        next.act();
        await settled();
      }
      now = end;
    },
  };
}

const isBefore = (a: Moment, b: Moment) => a.at < b.at || (a.at === b.at && a.order < b.order);

function push(heap: Moment[], moment: Moment): void {
  let at = heap.push(moment) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!swapIf(heap, at, parent)) return;
    at = parent;
  }
}

function pop(heap: Moment[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  for (let at = 0; ; ) {
    const [left, right] = [2 * at + 1, 2 * at + 2];
    const least = isLower(heap, right, left) ? right : left;
    if (!swapIf(heap, least, at)) return;
    at = least;
  }
}

function isLower(heap: readonly Moment[], a: number, b: number): boolean {
  const [one, other] = [heap[a], heap[b]];
  return one !== undefined && other !== undefined && isBefore(one, other);
}

/** Puts the earlier of both at `upper`. */
function swapIf(heap: Moment[], lower: number, upper: number): boolean {
  const [one, other] = [heap[lower], heap[upper]];
  if (one === undefined || other === undefined || !isBefore(one, other)) return false;
  heap[lower] = other;
  heap[upper] = one;
  return true;
}
