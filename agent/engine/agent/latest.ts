// What was concluded last, for those who ask about now while the next decision takes its time.
import type { Conclusion } from '../../core/conclude.ts';
import type { Clock } from '../../ports/machine.ts';

/** Of a large catalog a decision takes seconds; a person who asks how things stand is told at once. */
const PATIENCE_MS = 500;

export interface Latest {
  /** What the agent acts on from here on. */
  note(conclusion: Conclusion): void;
  /**
   * What `conclude` answers, or, where that takes its time, null and what was noted last. It goes on beside, and nobody begins a
   * second one meanwhile: whoever asks again and again costs one decision at a time.
   */
  soonest(conclude: () => Promise<Conclusion>): Promise<Soonest>;
}

export type Soonest =
  | { readonly kind: 'made'; readonly conclusion: Conclusion }
  | { readonly kind: 'in-the-making'; readonly last: Conclusion | null };

export function createLatest(clock: Pick<Clock, 'sleep'>): Latest {
  let last: Conclusion | null = null;
  let making: Promise<Conclusion> | null = null;

  async function begin(conclude: () => Promise<Conclusion>): Promise<Soonest> {
    const own = conclude().finally(() => {
      making = null;
    });
    making = own;
    const patience = new AbortController();
    const late = clock.sleep(PATIENCE_MS, patience.signal).then(() => null);
    const conclusion = await Promise.race([own, late]).finally(() => patience.abort());
    if (conclusion !== null) return { kind: 'made', conclusion };
    // Its error is that of nobody any more.
    own.catch(() => undefined);
    return { kind: 'in-the-making', last };
  }

  return {
    note: (conclusion) => {
      last = conclusion;
    },
    soonest: async (conclude) => (making === null ? await begin(conclude) : { kind: 'in-the-making', last }),
  };
}
