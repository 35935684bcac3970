// Faults drawn from a seed, on a disk in memory that forgets what was not synced: the engine ends old or new every time.

import { describe, expect, it } from 'vitest';
import { suiteNamed } from '../labs/faults/suites.ts';
import { temporaryDirectory } from '../support/directories.ts';

describe('the laboratory', () => {
  it.each([
    ['schedules', 300],
    ['volumes', 60],
    ['hostile', 200],
  ])('breaks no promise with %s', { timeout: 300_000 }, async (name, count) => {
    const directory = temporaryDirectory();

    const { tried, problems } = await suiteNamed(name).run({
      seed: 20_260,
      count,
      directory,
      onProgress: () => undefined,
    });

    expect(problems).toEqual([]);
    expect(tried).toBe(count);
  });
});
