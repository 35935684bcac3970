// Suites that are run once more elsewhere, each in a room of its own: what one does before each of its tests no other does.
import { describe } from 'vitest';

export type Suites = readonly (() => Promise<unknown>)[];

export function runAgain(suites: Suites): void {
  suites.forEach((load, i) => {
    describe(`suite ${i + 1}`, async () => {
      await load();
    });
  });
}
