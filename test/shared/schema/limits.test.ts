// The limits of signed documents: what the honest program would not sign, no install takes either.
import { describe, expect, it } from 'vitest';
import { advisory } from '../../../shared/schema/advisory.ts';
import { treeRef } from '../../../shared/schema/release.ts';
import { halt, rollout } from '../../../shared/schema/rollout.ts';

const digest = `sha256:${'0'.repeat(64)}`;

describe('the waves of a rollout', () => {
  const isRead = (...waves: readonly (readonly [number, string])[]) =>
    rollout.safeParse({
      schema: 'fairlead/rollout@1',
      release: { kind: 'platform', version: '1.0.0' },
      digest,
      track: 'stable',
      seed: 'seed',
      start: '2026-03-01T00:00:00Z',
      waves: waves.map(([percent, after]) => ({ percent, after })),
    }).success;

  it.each([
    ['everybody at once', [[100, 'PT0S']], true],
    [
      'shares and delays that grow',
      [
        [1, 'PT0S'],
        [10, 'PT1H'],
        [100, 'P1D'],
      ],
      true,
    ],
    [
      'shares that grow at one delay',
      [
        [1, 'PT0S'],
        [100, 'PT0S'],
      ],
      true,
    ],
    ['a last wave after half a year', [[100, 'P180D']], true],
    [
      'a last wave later than that',
      [
        [1, 'PT0S'],
        [100, 'P181D'],
      ],
      false,
    ],
    [
      'nobody behind the ninety-ninth',
      [
        [1, 'PT0S'],
        [99, 'PT1H'],
      ],
      false,
    ],
    [
      'a share that shrinks',
      [
        [50, 'PT0S'],
        [10, 'PT1H'],
        [100, 'PT2H'],
      ],
      false,
    ],
    [
      'a share that stays',
      [
        [50, 'PT0S'],
        [50, 'PT1H'],
        [100, 'PT2H'],
      ],
      false,
    ],
    [
      'a delay that shrinks',
      [
        [1, 'PT2H'],
        [100, 'PT1H'],
      ],
      false,
    ],
    [
      'a share of nobody',
      [
        [0, 'PT0S'],
        [100, 'PT1H'],
      ],
      false,
    ],
    ['a share above all', [[101, 'PT0S']], false],
    ['none', [], false],
  ] as const)('%s: %j, %s', (_name, waves, valid) => {
    expect(isRead(...waves)).toBe(valid);
  });
});

it.each([
  ['P30D', true],
  ['P30DT1S', false],
  ['P9999D', false],
])('an emergency order with a notice of %s is read: %s', (notice, valid) => {
  const read = advisory.safeParse({
    schema: 'fairlead/advisory@1',
    id: 'FL-2026-1',
    title: 'a weakness',
    severity: 'critical',
    cves: [],
    affected: [{ component: 'core/auth', versions: '<1.0.1' }],
    fixed: [],
    order: { notice, deadline: '2026-03-01T00:00:00Z' },
    published: '2026-01-01T00:00:00Z',
  });

  expect(read.success).toBe(valid);
});

it.each([
  ['what a tree may hold', 200_000, 2 ** 36, true],
  ['a file more', 200_001, 1, false],
  ['a byte more', 1, 2 ** 36 + 1, false],
])('a release that promises %s: %i files, %i bytes, %s', (_name, files, bytes, valid) => {
  expect(treeRef.safeParse({ digest, files, bytes }).success).toBe(valid);
});

it.each([
  ['a second', '2026-03-01T00:00:01Z', true],
  ['a millisecond', '2026-03-01T00:00:00.001Z', true],
  ['three days', '2026-03-04T00:00:00Z', true],
  ['three days and a millisecond', '2026-03-04T00:00:00.001Z', false],
  ['three days and a second', '2026-03-04T00:00:01Z', false],
  ['no time', '2026-03-01T00:00:00Z', false],
  ['less than none', '2026-02-28T23:59:59Z', false],
])('a halt of %s is read: until %s, %s', (_name, expires, valid) => {
  const read = halt.safeParse({
    ...{ schema: 'fairlead/halt@1', digest, reason: 'errors on login' },
    ...{ issued: '2026-03-01T00:00:00Z', expires },
  });

  expect([read.success, read.error?.issues.map(({ path }) => path)]).toEqual([
    valid,
    valid ? undefined : [['expires']],
  ]);
});

it.each([
  [
    'a hundredth more than all',
    [
      [1, 'PT0S'],
      [100, 'P180DT1S'],
    ],
    false,
  ],
  [
    'a second less than it was',
    [
      [1, 'PT2S'],
      [100, 'PT1S'],
    ],
    false,
  ],
  ['twenty waves', Array.from({ length: 20 }, (_, i) => [i === 19 ? 100 : i + 1, 'PT0S']), true],
  ['twenty-one waves', Array.from({ length: 21 }, (_, i) => [i === 20 ? 100 : i + 1, 'PT0S']), false],
])('waves of %s are read or not', (_name, waves, valid) => {
  const read = rollout.safeParse({
    ...{ schema: 'fairlead/rollout@1', release: { kind: 'platform', version: '1.0.0' }, digest },
    ...{ track: 'stable', seed: 'seed', start: '2026-03-01T00:00:00Z' },
    waves: waves.map(([percent, after]) => ({ percent, after })),
  });

  expect(read.success).toBe(valid);
});
