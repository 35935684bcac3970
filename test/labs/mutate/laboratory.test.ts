// The mutation laboratory judged by itself: a sample with a test that looks and one that does not, and a few real mutants.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CampaignOptions, runCampaign } from './campaign.ts';
import { isEquivalent, staleAmong } from './equivalents.ts';
import { findMutants } from './find-mutants.ts';
import { Report } from './report.ts';

const CHECKOUT = new URL('../../..', import.meta.url).pathname;
/** As the sample's tests see it. */
const SHARED = '../../shared';
const CLAMP = `export function clamp(value: number, most: number): number {
  if (value > most) return most;
  return value;
}
`;
const SAMPLE: Record<string, string> = {
  'package.json': '{ "type": "module" }',
  'shared/clamp.ts': CLAMP,
  'shared/forgotten.ts': 'export const answer = (a: number) => a + 1;\n',
  'shared/endless.ts': `export function count(to: number): number {
  let n = 0;
  while (n < to) n++;
  return n;
}
`,
  'test/vitest.config.ts': "export default { test: { include: ['test/**/*.test.ts'] } };\n",
  'test/shared/clamp.test.ts': `import { expect, it } from 'vitest';
import { clamp } from '${SHARED}/clamp.ts';
it('keeps what is small', () => expect(clamp(1, 5)).toBe(1));
`,
  'test/shared/endless.test.ts': `import { expect, it } from 'vitest';
import { count } from '${SHARED}/endless.ts';
it('counts', () => expect(count(3)).toBe(3));
`,
};

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sample-'));
  for (const [path, text] of Object.entries(SAMPLE)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  symlinkSync(join(CHECKOUT, 'node_modules'), join(directory, 'node_modules'));
  execFileSync('git', ['init', '-q'], { cwd: directory });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function run(options: Partial<CampaignOptions>): Promise<Report> {
  const report = new Report(() => {});
  const usual = { checkout: directory, targets: ['shared/clamp.ts'], seed: 'a', count: 100, seconds: 100 };
  const rest = {
    workers: 1,
    nearest: 3,
    journal: join(directory, 'journal'),
    signal: new AbortController().signal,
  };
  await runCampaign({ ...usual, ...rest, ...options }, report);
  return report;
}

describe('a campaign', () => {
  it('finds what no test looks at, and leaves the checkout as it is', async () => {
    const report = await run({});

    const survived = report.survivors.map((mutant) => mutant.change);
    expect(survived).toContain('value > most → false');
    expect(survived).not.toContain('value > most → true');
    expect(survived).not.toContain('value → (null as never)');
    expect(readFileSync(join(directory, 'shared/clamp.ts'), 'utf8')).toBe(CLAMP);
  }, 120_000);

  it('goes on from its journal, and asks again about survivors once a test is added', async () => {
    const at = join(directory, 'test/shared/clamp-more.test.ts');
    writeFileSync(
      at,
      `import { expect, it } from 'vitest';
import { clamp } from '${SHARED}/clamp.ts';
it('cuts what is large', () => expect(clamp(6, 5)).toBe(5));
`,
    );

    const report = await run({});

    expect(report.survivors.map((mutant) => mutant.change)).toEqual(['> → >=']);
  }, 120_000);

  it('believes no test that fails by itself, though it once passed', async () => {
    const flag = join(directory, 'flag');
    writeFileSync(flag, '');
    const needy = join(directory, 'test/shared/clamp-needy.test.ts');
    writeFileSync(
      needy,
      `import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { clamp } from '${SHARED}/clamp.ts';
it('needs its file', () => expect([clamp(1, 5), existsSync('flag')]).toEqual([1, true]));
`,
    );
    await run({ journal: join(directory, 'before') });
    rmSync(flag);

    const report = await run({ journal: join(directory, 'after') });

    expect(report.survivors.map((mutant) => mutant.change)).toEqual(['> → >=']);
    rmSync(needy);
  }, 120_000);

  it('does not count what no test reaches', async () => {
    const report = await run({ targets: ['shared/forgotten.ts'] });

    expect(report.table()).toContain('reached by no test');
    expect(report.survivors).toEqual([]);
  }, 60_000);

  it('chooses the same mutants by the same seed, and others by another', async () => {
    const chosen = async (seed: string) => {
      const report = await run({ targets: ['shared/forgotten.ts'], seed, count: 1, seconds: 0 });
      return report.table();
    };

    expect(await chosen('a')).toBe(await chosen('a'));
  });

  it('kills a few mistakes in the project itself', async () => {
    const report = await run({
      checkout: CHECKOUT,
      targets: ['shared/version'],
      seed: 'short form',
      count: 4,
      nearest: 2,
    });

    expect(report.survivors.map((mutant) => `${mutant.line} ${mutant.change}`)).toEqual([]);
    expect(report.table()).toMatch(/\| 100\.0 % \|/);
  }, 120_000);
});

describe('a mutant that changes nothing', () => {
  const [mutant] = findMutants('a.ts', 'f(a < b);\n');

  it('is named by its line and its change', () => {
    const named = { file: 'a.ts', line: 'f(a < b);', reason: 'they are never equal' };

    expect(mutant && isEquivalent(mutant, [{ ...named, change: mutant.change }])).toBe(true);
    expect(mutant && isEquivalent(mutant, [{ ...named, change: 'another' }])).toBe(false);
  });

  it('is reported once its line has gone', () => {
    const gone = { file: 'a.ts', line: 'g();', reason: 'it was there' };

    expect(mutant && staleAmong([gone], [mutant])).toEqual([gone]);
  });
});
