// Effects that take their time: one that nobody waits for comes after those that followed it, or too late to be seen.
import { setImmediate as later } from 'node:timers/promises';

/** Notes calls in the order in which they end. The earlier one is begun, the longer it takes. */
export function createUnhurried(done: unknown[], ends: (name: string) => void = () => undefined) {
  let calls = 0;
  return (name: string) =>
    async (...words: readonly unknown[]): Promise<void> => {
      for (let turns = 20 - 2 * calls++; turns > 0; turns--) await later();
      done.push([name, ...words]);
      ends(name);
    };
}
