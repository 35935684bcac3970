// Times of a release: bounded on both sides, and with them the time that going back can take.
import { describe, expect, it } from 'vitest';
import { rollbackBoundMs } from '../../../shared/compile/declared-times.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { release, storedCapabilityRelease } from '../../../shared/schema/release.ts';
import { parseRef } from '../../../shared/schema/release-ref.ts';
import { API, AUTH, deployableOf, planOf, releaseOf } from '../../support/deploy-releases.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';
import { buildRelease } from '../../support/scenario.ts';

const BASE = buildRelease(parseRef('core/auth@1.0.0'), {}).document;
const digest = `sha256:${'a'.repeat(64)}`;
const process = { driver: 'process', exec: ['a'] };
const command = { driver: 'command', start: ['a'], stop: ['a'], status: ['a'] };
const compose = { driver: 'compose', file: 'c.yaml', images: [{ archive: 'a', digest }] };
const HTTP = { http: 'http://localhost/' };

const TIMES: readonly [path: string, longest: string, parts: (text: string) => object][] = [
  ['service.stopTimeout', 'PT1H', (stopTimeout) => ({ service: { ...process, stopTimeout } })],
  [
    'service.stopTimeout',
    'PT1H',
    (stopTimeout) => ({ service: { ...process, driver: 'systemd', stopTimeout } }),
  ],
  ['service.stopTimeout', 'PT1H', (stopTimeout) => ({ service: { ...compose, stopTimeout } })],
  ['service.startTimeout', 'PT2H', (startTimeout) => ({ service: { ...compose, startTimeout } })],
  ['service.startTimeout', 'PT2H', (startTimeout) => ({ service: { ...command, startTimeout } })],
  ['service.once.migrate', 'PT1H30M', (migrate) => ({ service: { ...compose, once: { migrate } } })],
  ['service.statusTimeout', 'PT5M', (statusTimeout) => ({ service: { ...command, statusTimeout } })],
  ['health.0.startPeriod', 'PT1H', (startPeriod) => ({ health: [{ ...HTTP, startPeriod }] })],
  [
    'health.0.interval',
    'PT1H',
    (interval) => ({ health: [{ ...HTTP, interval, successes: 1, failures: 1, timeout: 'PT1S' }] }),
  ],
  ['health.0.timeout', 'PT10M', (timeout) => ({ health: [{ tcp: 'localhost:1', timeout }] })],
  ['smoke.0.timeout', 'PT1H', (timeout) => ({ smoke: [{ exec: ['a'], timeout }] })],
  ['hooks.preflight.0.timeout', 'PT8H', (timeout) => ({ hooks: { preflight: [{ exec: ['a'], timeout }] } })],
  ['hooks.snapshot.0.timeout', 'PT8H', (timeout) => ({ hooks: { snapshot: [{ exec: ['a'], timeout }] } })],
  ['hooks.restore.0.timeout', 'PT8H', (timeout) => ({ hooks: { restore: [{ exec: ['a'], timeout }] } })],
];

const pathsOf = (parts: object) =>
  dataOf(
    refusalOf(() => parseDocument(release, { ...BASE, ...parts }, 'a release')),
    'document/invalid',
  ).issues.map(({ path }) => path);

describe('the times of a release', () => {
  it.each(TIMES)('%s are refused when they are too long (%s and a second)', (path, longest, parts) => {
    expect(pathsOf(parts('P9999D'))).toContain(path);
    expect(pathsOf(parts(longest.replace(/^PT(.*)$/, 'P1DT$1')))).toContain(path);
  });

  it.each(TIMES)('%s are read again where an earlier version admitted them', (_path, _longest, parts) => {
    expect(storedCapabilityRelease.safeParse({ ...BASE, ...parts('P9999D') }).success).toBe(true);
  });

  it.each(TIMES.filter(([path]) => !path.endsWith('startPeriod')))(
    '%s are refused when they are nothing',
    (path, _longest, parts) => {
      expect(pathsOf(parts('PT0S'))).toContain(path);
    },
  );

  it('are refused where a probe could not be judged within an hour', () => {
    const health = [{ ...HTTP, interval: 'PT1M', timeout: 'PT10S', successes: 100 }];

    expect(pathsOf({ health })).toEqual(['health.0.successes']);
  });
});

describe('the time that going back can take', () => {
  it('is the sum of every limit on the way', () => {
    const old = deployableOf({ [AUTH]: releaseOf(AUTH, '1.0.0'), [API]: releaseOf(API, '1.0.0') });
    const next = deployableOf({ [AUTH]: releaseOf(AUTH, '1.1.0'), [API]: releaseOf(API, '1.0.0') });
    const plan = planOf(old, next);

    // Stop 5 s and kill 10 s, restore 5 min; start period 10 s and ten times 4 rounds of 7 s and one more; smoke 1 min.
    expect(rollbackBoundMs(plan, old, next)).toBe(15_000 + 300_000 + 10_000 + 280_000 + 7_000 + 60_000);
    expect(rollbackBoundMs(planOf(null, old), null, old)).toBe(2 * (15_000 + 300_000));
  });
});

describe('each time of a release', () => {
  const shortest = (path: string) => (path.endsWith('startPeriod') ? 'PT0S' : 'PT1S');

  it.each(TIMES)('is taken at both of its bounds, and no further: %s to %s', (path, longest, parts) => {
    const [, hours = '0', minutes = '0'] = /^PT(?:(\d+)H)?(?:(\d+)M)?$/.exec(longest) ?? [];
    const beyond = `PT${Number(hours) * 3600 + Number(minutes) * 60 + 1}S`;
    const isWrong = (text: string) => {
      const { error } = release.safeParse({ ...BASE, ...parts(text) });
      return error?.issues.some((issue) => issue.path.join('.') === path) ?? false;
    };

    expect([shortest(path), longest, beyond].map(isWrong)).toEqual([false, false, true]);
  });

  it.each(TIMES)('is refused in words: %s', (path, longest, parts) => {
    const refusal = refusalOf(() => parseDocument(release, { ...BASE, ...parts('P9D') }, 'a release'));
    const expected = `a duration from "${shortest(path)}" to "${longest}"`;

    expect(dataOf(refusal, 'document/invalid').issues).toContainEqual({
      ...{ path, expected, found: '"P9D"', remedy: `write ${expected}` },
    });
  });

  it.each([
    ['within an hour', { interval: 'PT50S', timeout: 'PT10S', successes: 60, failures: 1 }, []],
    [
      'a question more',
      { interval: 'PT50S', timeout: 'PT10S', successes: 61, failures: 1 },
      ['health.0.successes', '"61"'],
    ],
    [
      'for failures',
      { interval: 'PT50S', timeout: 'PT10S', successes: 1, failures: 61 },
      ['health.0.failures', '"61"'],
    ],
    [
      'for both alike',
      { interval: 'PT50S', timeout: 'PT10S', successes: 61, failures: 61 },
      ['health.0.successes', '"61"'],
    ],
    [
      'once, after an hour',
      { interval: 'PT1H', timeout: 'PT10S', successes: 1, failures: 1 },
      ['health.0.successes', '"1"'],
    ],
  ])('of a probe is judged with how often it counts: %s', (_what, probe, said) => {
    const result = release.safeParse({ ...BASE, health: [{ ...HTTP, ...probe }] });
    const [path, found] = said;

    if (path === undefined) expect(result.success).toBe(true);
    else
      expect(
        dataOf(
          refusalOf(() => parseDocument(release, { ...BASE, health: [{ ...HTTP, ...probe }] }, 'a release')),
          'document/invalid',
        ).issues,
      ).toEqual([
        {
          path,
          found,
          expected: 'as many answers in a row as an hour holds',
          remedy: 'ask for fewer, or more often',
        },
      ]);
  });

  it('is not judged twice where the pause by itself is too long', () => {
    expect(pathsOf({ health: [{ ...HTTP, interval: 'PT61M', successes: 100 }] })).toEqual([
      'health.0.interval',
    ]);
  });
});
