// This process as it looks at itself: how it was started, what it has shown since, and how it ends for another.
import type { OwnProcess, RoundSeen } from '../../ports/machine.ts';

/** In the agent's unit: the version of the contract that the unit keeps. */
export const SUPERVISOR_VARIABLE = 'FAIRLEAD_SUPERVISOR';
export const SUPERVISOR_VERSION = '1';

export interface LivingProcess extends OwnProcess {
  /** Resolves when it is proved. */
  readonly proved: Promise<void>;
}

export function createOwnProcess(environment: Readonly<Record<string, string | undefined>>): LivingProcess {
  const end = new AbortController();
  const shown = new Set<string>();
  let round: RoundSeen | null = null;
  let next = Promise.withResolvers<void>();
  const proof = Promise.withResolvers<void>();
  const wake = () => {
    next.resolve();
    next = Promise.withResolvers<void>();
  };
  return {
    inSlots: environment[SUPERVISOR_VARIABLE] === SUPERVISOR_VERSION,
    pid: process.pid,
    handOver: () => end.abort(),
    ending: end.signal,
    note(one) {
      shown.add(one);
      wake();
    },
    noteRound(seen) {
      round = seen;
      shown.add('round');
      // The last one counts: an agent that has lost its server says so to the one after it.
      if (seen.reached) shown.add('server');
      else shown.delete('server');
      wake();
    },
    has: (one) => shown.has(one),
    damages: async () => (round === null ? null : await round.damages()),
    changed: () => next.promise,
    prove: () => proof.resolve(),
    proved: proof.promise,
  };
}

/** TERM and INT end it in the same order. */
export function endOnSignals(own: LivingProcess): LivingProcess {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, own.handOver);
  return own;
}
