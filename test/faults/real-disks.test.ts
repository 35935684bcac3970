// The real engine in a process of its own: killed, refused by its disk, out of room, out of power, where a seed says.
import { describe, expect, it } from 'vitest';
import { suiteNamed } from '../labs/faults/suites.ts';
import { REFUSALS, spoilCalls } from '../labs/faults/system-calls.ts';
import { temporaryDirectory } from '../support/directories.ts';

const SEED = 20_260;
/** Many short processes: quick on an idle machine, slow where everything else is tested at the same time. */
const PATIENCE_MS = 180_000;

const onProgress = () => undefined;

const noKill = await suiteNamed('kill').missing();
const noPower = await suiteNamed('power').missing();

// Where nobody may trace a process, schedules.test.ts still holds the same promises on a disk in memory.
describe.skipIf(noKill !== null)(titled('an operation hit at any system call', noKill), () => {
  it('ends old or new, keeps what it acknowledged, and goes on', { timeout: PATIENCE_MS }, async () => {
    const directory = temporaryDirectory();
    const operations = ['collect', 'trust', 'policy', 'approval', 'blue-green failing', 'probation'];

    const { tried, problems } = await spoilCalls(
      { seed: SEED, count: 16, operations, directory, onProgress },
      ['signal=KILL', ...REFUSALS],
    );

    expect(problems).toEqual([]);
    expect(tried).toBe(16);
  });

  it('ends so where a process beside it applies patches', { timeout: PATIENCE_MS }, async () => {
    const directory = temporaryDirectory();
    const options = { seed: SEED, count: 4, operations: ['patched'], directory, onProgress };

    const { tried, problems } = await spoilCalls(options, ['signal=KILL', 'error=EIO']);

    expect(problems).toEqual([]);
    expect(tried).toBe(4);
  });
});

// Only root may mount file systems.
describe.skipIf(noPower !== null)(titled('a file system', noPower), () => {
  it.each(['power', 'room'])('that fails by %s leaves old or new', { timeout: PATIENCE_MS }, async (name) => {
    const directory = temporaryDirectory();
    const operations = ['update', 'policy', 'blue-green failing'];

    const { tried, problems } = await suiteNamed(name).run({
      seed: SEED,
      count: 4,
      operations,
      directory,
      onProgress,
    });

    expect(problems).toEqual([]);
    expect(tried).toBe(4);
  });

  it('that loses power while patches are applied leaves old or new', { timeout: PATIENCE_MS }, async () => {
    const directory = temporaryDirectory();
    const options = { seed: SEED, count: 1, operations: ['patched'], directory, onProgress };

    const { tried, problems } = await suiteNamed('power').run(options);

    expect(problems).toEqual([]);
    expect(tried).toBe(1);
  });
});

it('leaves every service running once when the agent is killed beside it', {
  timeout: PATIENCE_MS,
}, async () => {
  const directory = temporaryDirectory();

  const { tried, problems } = await suiteNamed('processes').run({
    seed: SEED,
    count: 3,
    directory,
    onProgress,
  });

  expect(problems).toEqual([]);
  expect(tried).toBe(3);
});

/** A skipped suite says in its own title what it would need. */
function titled(title: string, missing: string | null): string {
  return missing === null ? title : `${title} (skipped: ${missing})`;
}
