// The real engine in a process of its own: killed, or refused by its disk, at system calls that a seed picks.
import { describe, expect, it } from 'vitest';
import { suiteNamed } from '../../scripts/fault-lab/suites.ts';
import { REFUSALS, spoilCalls } from '../../scripts/fault-lab/system-calls.ts';
import { temporaryDirectory } from '../support/directories.ts';

const { missing } = suiteNamed('kill');

// Where nobody may trace a process, the model of test/faults/schedules.test.ts still holds the same promises.
describe.skipIf((await missing()) !== null)('an operation hit at any system call', () => {
  it('ends old or new, keeps what it acknowledged, and goes on', { timeout: 120_000 }, async () => {
    const directory = temporaryDirectory();

    const { tried, problems } = await spoilCalls(
      { seed: 20_260, count: 32, directory, onProgress: () => undefined },
      ['signal=KILL', ...REFUSALS],
    );

    expect(problems).toEqual([]);
    expect(tried).toBe(32);
  });
});
