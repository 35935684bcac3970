// The bench on trees that are made, as CI runs it: patches and a deployment, where what comes of each tool is compared byte for byte; and how a run ends.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { temporaryDirectory } from '../support/directories.ts';
import { comparePair } from './deploys.ts';
import type { Comparison } from './figures.ts';
import type { BenchRun } from './kept-runs.ts';
import { patchProgram } from './patch-child.ts';
import { runBench } from './run.ts';
import { generatePair } from './sample-tree.ts';

const ROOT = join(import.meta.dirname, '../..');

const RUN = join(import.meta.dirname, 'run.ts');

/** One subject that is measured, and one that is not done until its child is. */
const ENDLESS = `
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
const [, file, room] = process.argv;
const { runBench } = await import(room);
const good = { measure: async () => ({ title: 'Good', note: '' }) };
const endless = {
  measure: (work) => new Promise((resolve) => {
    writeFileSync(join(work, 'a file'), '');
    console.log('sleeper ' + execFile('sleep', ['600'], resolve).pid);
  }),
};
await runBench({ isOffline: true, isWritten: false, minutes: 1, json: file }, { good, endless });
`;

/** With a cache of its own, in which no size is noted: every tool is run. */
const bench = (...words: readonly string[]) =>
  promisify(execFile)(process.execPath, ['scripts/bench.ts', ...words], {
    cwd: ROOT,
    env: { ...process.env, XDG_CACHE_HOME: temporaryDirectory() },
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

  const comparisons = await comparePair(
    generatePair(join(work, 'pair')),
    join(work, 'deploy'),
    patchProgram(work, true),
    1,
  );

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

describe('what was found', () => {
  const figures = { title: 'Good', note: 'a note', head: ['', 'time'], rows: [['it', '1 ms']] };

  it('is written also where a later subject fails', async () => {
    const file = join(temporaryDirectory(), 'run.json');
    let place = '';
    const bad = async (work: string) => {
      place = work;
      throw new Error('another tree');
    };
    const subjects = { good: { measure: async () => figures }, bad: { measure: bad } };

    const run = runBench({ isOffline: true, isWritten: false, minutes: 1, json: file }, subjects);

    await expect(run).rejects.toThrow('another tree');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ subjects: { good: figures } });
    expect(existsSync(place)).toBe(false);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'is written also where %s ends the run, and nothing is left of it',
    async (signal, code) => {
      const [place, file] = [temporaryDirectory(), join(temporaryDirectory(), 'run.json')];
      const child = spawn(process.execPath, ['--input-type=module', '-e', ENDLESS, file, RUN], {
        ...{ cwd: ROOT, env: { ...process.env, TMPDIR: place }, stdio: ['ignore', 'pipe', 'inherit'] },
      } as const);
      const ended = once(child, 'exit');
      let sleeper = 0;
      for await (const chunk of child.stdout) {
        sleeper = Number(/sleeper (\d+)/.exec(String(chunk))?.[1] ?? 0);
        if (sleeper > 0) break;
      }

      child.kill(signal);

      expect(await ended).toEqual([code, null]);
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ subjects: { good: { title: 'Good' } } });
      expect(readdirSync(place)).toEqual([]);
      await vi.waitFor(() => expect(existsSync(`/proc/${sleeper}/exe`)).toBe(false));
    },
    60_000,
  );
});
