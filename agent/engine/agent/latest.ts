// What was concluded last, for those who ask about now while the next decision takes its time.
import type { Conclusion } from '../../core/conclude.ts';
import type { Clock } from '../../ports/machine.ts';

/** Of a large catalog a decision takes seconds; a person who asks how things stand is told at once. */
const PATIENCE_MS = 500;

export interface Latest {
  /** What the agent acts on from here on. */
  note(conclusion: Conclusion): void;
  /**
   * What `conclude` answers, or, where that takes its time, what was noted last. It goes on beside, and nobody begins a second one
   * meanwhile, but after it while there is time: whoever asks again and again costs one decision at a time.
   */
  soonest(conclude: () => Promise<Conclusion>): Promise<Soonest>;
}

export type Soonest =
  | { readonly kind: 'made'; readonly conclusion: Conclusion }
  | { readonly kind: 'in-the-making'; readonly last: Conclusion | null };

export function createLatest(clock: Pick<Clock, 'sleep'>): Latest {
  let last: Conclusion | null = null;
  let making: Promise<Conclusion> | null = null;

  async function make(
    conclude: () => Promise<Conclusion>,
    isLate: () => boolean,
  ): Promise<Conclusion | null> {
    // That one began before this was asked, and may know less; its error is whoever's began it.
    while (making !== null) await making.catch(() => undefined);
    if (isLate()) return null;
    making = conclude().finally(() => {
      making = null;
    });
    return await making;
  }

  return {
    note({ decision, offer, emergency, pins }) {
      // Its facts are another matter: the whole catalog is among them.
      last = { decision, offer, emergency, pins };
    },
    async soonest(conclude) {
      const patience = new AbortController();
      let isLate = false;
      const late = clock.sleep(PATIENCE_MS, patience.signal).then(() => {
        isLate = true;
        return null;
      });
      const made = make(conclude, () => isLate);
      // Once it is late its error is that of nobody any more.
      made.catch(() => undefined);
      const conclusion = await Promise.race([made, late]).finally(() => patience.abort());
      return conclusion === null ? { kind: 'in-the-making', last } : { kind: 'made', conclusion };
    },
  };
}
