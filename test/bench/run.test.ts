// The whole bench on trees that are made, as CI runs it: what comes of each tool is compared byte for byte, and every number is there.
import { execFile } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '../support/directories.ts';
import { comparePair } from './deploys.ts';
import type { Comparison } from './figures.ts';
import type { BenchRun } from './kept-runs.ts';
import { generatePair } from './sample-tree.ts';

const bench = (...words: readonly string[]) =>
  promisify(execFile)(process.execPath, ['scripts/bench.ts', ...words], {
    cwd: join(import.meta.dirname, '../..'),
  });

it('measures a patch beside what is there, and names what is not', async () => {
  const file = join(temporaryDirectory(), 'run.json');

  const { stdout } = await bench('--offline', '--only', 'deltas', '--json', file);

  const run = JSON.parse(readFileSync(file, 'utf8')) as BenchRun;
  const comparisons = run.subjects.deltas?.comparisons ?? [];
  expect(stdout).toContain('## Patches');
  expect(run).toMatchObject({ schema: 'fairlead/bench@1', load: [expect.any(Number), expect.any(Number)] });
  expect(comparisons.map(({ peer }) => peer)).toEqual(
    expect.arrayContaining(['xdelta3 -9', 'bsdiff', 'zstd --patch-from -19', 'casync', 'zstd -19 of all']),
  );
  expectFigures(comparisons);
}, 120_000);

it('measures a deployment beside what people do by hand', async () => {
  const work = temporaryDirectory();
  chmodSync(work, 0o711);

  const comparisons = await comparePair(generatePair(join(work, 'pair')), join(work, 'deploy'), 1);

  expect(comparisons.map(({ peer, measure }) => `${peer}: ${measure}`)).toEqual([
    ...['rsync --link-dest: wall', 'rsync --link-dest: CPU', 'curl, tar xz: wall', 'curl, tar xz: CPU'],
  ]);
  expectFigures(comparisons);
}, 120_000);

function expectFigures(comparisons: readonly Comparison[]): void {
  for (const one of comparisons) {
    expect(one).toMatchObject({ rounds: 1, isLate: false, ours: expect.any(Number) });
    if (one.skip === undefined) expect(one.ratio?.min).toBeGreaterThan(0);
    else expect(one.skip).toMatch(/^apt-get install /);
  }
}

it('prints nothing but the run where it is asked for on standard output', async () => {
  const { stdout, stderr } = await bench('--offline', '--only', 'rollback,executable', '--json', '-');

  expect(JSON.parse(stdout)).toMatchObject({ subjects: {} });
  expect(stderr).toContain('rollback: SKIP, it needs the network');
}, 60_000);

it('refuses what it does not know, and says what there is', async () => {
  const refused = bench('--only', 'packs,no-such', '--minutes', '0');

  await expect(refused).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^--only no-such: no subject\n--minutes 0: a number above 0\nUsage: /),
  });
}, 60_000);
