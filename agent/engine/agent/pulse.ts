// Which part of the agent is heard of no more: a loop that waits for ever leaves timers, and all else, at work.
import type { Clock, Part, Pulse } from '../../ports/machine.ts';

export interface LivingPulse extends Pulse {
  /** A part that has broken its promise; null while all keep theirs. */
  silent(): Part | null;
}

export function createPulse(clock: Pick<Clock, 'monotonic'>): LivingPulse {
  const promised = new Map<Part, number>();
  return {
    promise(part, ms) {
      promised.set(part, Math.max(promised.get(part) ?? 0, clock.monotonic() + ms));
    },
    silent() {
      const now = clock.monotonic();
      for (const [part, until] of promised) if (now > until) return part;
      return null;
    },
  };
}
