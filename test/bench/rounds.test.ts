// The bench's own honesty: turns, clocks, ratios, proofs and what is kept of a run.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/directories.ts';
import { cacheDirectory } from './cache.ts';
import { beyondStart, compareBoth, compareWith, comparisonRow } from './comparisons.ts';
import { compareMeans } from './deltas.ts';
import { beforeOf, keepRun, runOf } from './kept-runs.ts';
import { renderFigures, sectionOf, withSections } from './page.ts';
import { inLanes, interleave, runShell, take } from './rounds.ts';
import { proveSameTree } from './same-tree.ts';

describe('turns', () => {
  it('go A B C, then C B A, and each run is proved before the next begins', async () => {
    const said: string[] = [];
    const contender = (name: string) => ({
      name,
      run: async () => said.push(name),
      prove: () => void said.push(`proved ${name}`),
    });

    const results = await interleave(['A', 'B', 'C'].map(contender), 3);

    expect(said.filter((one) => one.length === 1).join('')).toBe('ABCCBAABC');
    expect(said.slice(0, 4)).toEqual(['A', 'proved A', 'B', 'proved B']);
    expect(results.map(({ length }) => length)).toEqual([3, 3, 3]);
  });

  it('do not ask again who was not done in time', async () => {
    let asked = 0;
    const late = { name: 'late', mayBeLate: true, run: async () => (++asked > 0 ? null : 1) } as const;

    expect(await interleave([{ name: 'in time', run: async () => 1 }, late], 5)).toEqual([
      [1, 1, 1, 1, 1],
      [],
    ]);
    expect(asked).toBe(1);
  });

  it('count nothing where one was late who may not be', async () => {
    let asked = 0;
    const late = { name: 'ours', run: async () => (++asked === 2 ? null : 1) };

    await expect(interleave([late])).rejects.toThrow('ours was not done in time');
  });

  it('count nothing of a run whose result is another', async () => {
    const prove = () => {
      throw new Error('another tree');
    };

    await expect(interleave([{ name: 'A', run: async () => 1, prove }])).rejects.toThrow('another tree');
  });

  it('stand as the list does, also side by side', async () => {
    const waits = [3, 1, 2];

    const results = await inLanes(waits, 2, async (wait, place) => {
      for (let turn = 0; turn < wait; turn++) await null;
      return `${place}: ${wait}`;
    });

    expect(results).toEqual(['0: 3', '1: 1', '2: 2']);
  });
});

describe('clocks', () => {
  const busy = 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done';

  it('tell what a shell and its children computed apart from how long it took', async () => {
    const [working, waiting] = [await runShell(`(${busy}) | cat`), await runShell('sleep 0.3')];

    expect(working.cpuMs).toBeGreaterThan(20);
    expect(waiting.wallMs).toBeGreaterThanOrEqual(299);
    expect(waiting.cpuMs).toBeLessThan(100);
  });

  it('count children of this process that ended meanwhile', async () => {
    const { cpuMs } = await take(() => runShell(busy));

    expect(cpuMs).toBeGreaterThan(20);
  });

  it.each(['false | true', 'false; true'])('say that %j failed', async (command) => {
    await expect(runShell(command)).rejects.toThrow();
  });
});

describe('comparisons', () => {
  const ours = { what: 'unpack', measure: 'wall', values: [50, 60, 90] } as const;

  it('are medians of the ratios of each round, with the least and the most', () => {
    const found = compareWith(ours, { name: 'tar', goal: 0.5, values: [100, 100, 100] });

    expect(found).toMatchObject({ ratio: { median: 0.6, min: 0.5, max: 0.9 }, isNoisy: false, rounds: 3 });
    expect(comparisonRow(found)).toEqual([
      ...['unpack', 'wall', '60 ms', 'tar', '100 ms', '0.6', '0.5–0.9', '0.5, missed', '–'],
    ]);
  });

  it.each([
    [[100, 149, 120], false],
    [[100, 151, 120], true],
  ])('of a peer that took %j are noise: %j', (values, isNoisy) => {
    const found = compareWith(ours, { name: 'tar', values });

    expect(found.isNoisy).toBe(isNoisy);
    expect(comparisonRow(found)[5]).toMatch(isNoisy ? / NOISY$/ : /\d$/);
  });

  it('name what to install where there is nothing to compare with', () => {
    const [wall] = compareBoth('unpack', [{ wallMs: 50, cpuMs: 40 }], {
      ...{ name: 'tar', goal: 0.5, took: [], skip: 'apt-get install zstd' },
    });

    expect(wall).toMatchObject({ ratio: null, theirs: null });
    expect(wall === undefined ? [] : comparisonRow(wall)).toContain('SKIP: apt-get install zstd');
  });

  it('with one who was stopped say what the ratio is at most', () => {
    const found = compareWith(ours, { name: 'tuf-js', values: [], limit: 20_000 });

    expect(comparisonRow(found).slice(4, 6)).toEqual(['> 20.0 s', '< 0.003']);
  });

  it('count each round in which it was stopped', () => {
    const took = [{ wallMs: 100, cpuMs: 90 }];
    const [wall, ...others] = compareBoth(
      'refresh',
      ours.values.map((wallMs) => ({ wallMs, cpuMs: 1 })),
      {
        ...{ name: 'tuf-js', took, limit: 20_000 },
      },
    );

    expect(wall).toMatchObject({ theirs: 20_000, isLate: true, ratio: { median: 0.0045, max: 0.5 } });
    expect(others).toEqual([]);
  });

  it.each([
    [
      [100, 120, 90],
      [50, -10, 20],
    ],
    // Less than a start, by no more than starts differ.
    [
      [100, 120, 70],
      [10, -40, -10],
    ],
  ])('of what holds a start with starts of %j are %j', (starts, beyond) => {
    const took = starts.map((ms, round) => ms + (beyond[round] ?? 0));

    expect(beyondStart('the way back', starts, took)).toEqual(beyond);
  });

  it('are refused where what holds a start takes less than one', () => {
    expect(() => beyondStart('the way back', [100, 120, 90], [60, 70, 50])).toThrow(
      'the way back took 40 ms less than the start that is in it',
    );
  });

  it('of a corpus name what to install instead of a mean', () => {
    const differences = ['xdelta3 -9', 'bsdiff', 'zstd --patch-from -19', 'zstd -19 of all'].map((name) => ({
      ...{ name, bytes: 100 },
    }));
    const casync = { name: 'casync', bytes: null, skip: 'apt-get install casync' };
    const one = { bytes: 10, differences: [...differences, casync] };

    const means = compareMeans([one, one]);

    expect(means.map(({ peer, skip }) => [peer, skip]).at(1)).toEqual(['casync', 'apt-get install casync']);
    expect(means).toHaveLength(3);
    expect(means.at(2)?.ratio?.median).toBeCloseTo(0.1);
  });

  it.each([
    ['a round less without a limit', [100, 100]],
    ['a round that took no time', [100, 0, 100]],
    ['a round that took nobody knows what', [100, Number.NaN, 100]],
  ])('are not made with %s', (_what, values) => {
    expect(() => compareWith(ours, { name: 'tar', values })).toThrow(/^unpack/);
  });
});

/** All kinds of what a tree may hold. */
function smallTree(): string {
  const directory = temporaryDirectory();
  for (const name of ['bin', 'empty/too']) mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, 'new'), 'a file that was not there\n');
  writeFileSync(join(directory, 'bin/program'), 'a program', { mode: 0o755 });
  symlinkSync('program', join(directory, 'bin/other-name'));
  return directory;
}

describe('the proof that two trees are one', () => {
  it.each<[string, (to: string) => void]>([
    ['a byte', (to) => writeFileSync(join(to, 'new'), 'a file that was not therE\n')],
    ['a file more', (to) => writeFileSync(join(to, 'more'), '')],
    ['a file less', (to) => rmSync(join(to, 'new'))],
    ['an executable', (to) => chmodSync(join(to, 'bin/program'), 0o644)],
    ['an empty directory', (to) => rmSync(join(to, 'empty/too'), { recursive: true })],
    ['an empty directory more', (to) => mkdirSync(join(to, 'empty/three'))],
    [
      'where a link leads',
      (to) => {
        rmSync(join(to, 'bin/other-name'));
        symlinkSync('./program', join(to, 'bin/other-name'));
      },
    ],
    [
      'a file in the place of a link',
      (to) => {
        rmSync(join(to, 'bin/other-name'));
        cpSync(join(to, 'bin/program'), join(to, 'bin/other-name'));
      },
    ],
  ])('falls by %s', (_what, damage) => {
    const to = smallTree();
    const copy = temporaryDirectory();
    cpSync(to, copy, { recursive: true, verbatimSymlinks: true });
    const prove = () => proveSameTree(to, copy, 'the copy');
    prove();

    damage(copy);

    expect(prove).toThrow(/^the copy came to another tree/);
  });
});

describe('the cache', () => {
  it('is of this user alone, and stays', () => {
    const home = temporaryDirectory();

    const cache = cacheDirectory({ XDG_CACHE_HOME: home });

    expect(cache).toBe(join(home, 'fairlead-bench'));
    expect(statSync(cache).mode & 0o777).toBe(0o700);
    expect(cacheDirectory({ XDG_CACHE_HOME: home })).toBe(cache);
  });

  it.each<[string, (directory: string) => void]>([
    ['others may write to', (directory) => chmodSync(mkdirSync(directory, { recursive: true }) ?? '', 0o777)],
    ['leads elsewhere', (directory) => symlinkSync(temporaryDirectory(), directory)],
  ])('is refused where it %s', (_what, make) => {
    const home = temporaryDirectory();
    make(join(home, 'fairlead-bench'));

    expect(() => cacheDirectory({ XDG_CACHE_HOME: home })).toThrow(/remove it and try again$/);
  });
});

describe('what is kept', () => {
  const figures = {
    title: 'Packs',
    note: '',
    comparisons: [compareWith({ what: 'pack', measure: 'wall', values: [5] }, { name: 'tar', values: [10] })],
  };

  it('of a run is one line without its tables, and the next run stands beside it', () => {
    const file = join(temporaryDirectory(), 'kept.jsonl');
    const [one] = figures.comparisons;
    if (one === undefined) throw new Error('nothing was compared');
    keepRun(
      runOf({ packs: figures, startup: { ...figures, comparisons: [] } }, [0, 1], '2026-11-29T12:00:00Z'),
      file,
    );
    keepRun(runOf({ startup: { title: '', note: '' } }, [0, 1], '2026-11-29T13:00:00Z'), file);

    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(1);
    expect(beforeOf('packs', file)(one)).toEqual(one);
    expect(beforeOf('deltas', file)(one)).toBeUndefined();
    expect(renderFigures(figures, beforeOf('packs', file))).toMatch(/0\.5 +\|$/m);
  });

  it('of a section says on which day, at which commit and on which machine', () => {
    const run = { at: '2026-11-29T12:00:00.000Z', commit: '0123456789ab', machine: '2 × a processor' };

    expect(sectionOf(figures, run)).toContain(
      '\n\nMeasured on 2026-11-29 at commit `0123456789ab` on 2 × a processor.\n\n',
    );
  });

  it('of a page is all that was not measured again', () => {
    const page =
      '# Figures\n\nIntro.\n\n## Packs\n\nold\n\n## By hand\n\nkept\n\n<!-- faults: x -->\n## Faults\n\nkept too\n';

    const next = withSections(page, ['## Packs\n\nnew', '## Patches\n\nfirst']);

    expect(next.replaceAll(/\n+/g, '\n')).toBe(
      '# Figures\nIntro.\n## Packs\nnew\n## By hand\nkept\n## Patches\nfirst\n<!-- faults: x -->\n## Faults\nkept too\n',
    );
    expect(withSections(next, ['## Packs\n\nnew'])).toBe(next);
  });
});
