// The change record as a document: what each field may hold, and whose failure a code is.
import { describe, expect, it } from 'vitest';
import {
  changeRecord,
  checkResult,
  fleetCounts,
  isSurroundings,
  RELEASE_FAULTS,
  stageEvent,
} from '../../../shared/change/change.ts';
import { openChange } from '../../../shared/change/pipeline.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { CATALOGUE } from '../../../shared/errors/catalogue.ts';
import type { Version } from '../../../shared/version/version.ts';

const RECORD = openChange(
  { id: 'CHG-1', component: 'core/auth', version: '1.0.1' as Version, revision: 'git:9f1c', scope: 'a fix' },
  '2026-03-01T10:00:00Z',
  'ada',
);
const RELEASE = digestOfValue('release');
const takes = (changes: object) => changeRecord.safeParse({ ...RECORD, ...changes }).success;
const event = (stage: string, outcome: string, details: object) =>
  stageEvent.safeParse({
    ...{ stage, outcome, details },
    ...{ at: '2026-03-01T10:00:00Z', actor: 'ada', previous: RELEASE },
  }).success;
const many = (length: number) =>
  Array.from({ length }, () => ({ check: 'schema', outcome: 'passed', detail: 'ok' }));
const COUNTS = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };

describe('a change record', () => {
  it.each([
    'platform',
    'core',
    'core/auth',
    'a1/b2-c3',
    'a-1/b',
    'auth-proxy',
    'a-b/c-d',
    'a/b-1',
    'a'.repeat(129),
  ])('is of %s', (component) => {
    expect(takes({ component })).toBe(true);
  });

  it.each([
    ...[
      '',
      'Core',
      '1core',
      'core/',
      '/auth',
      'core/Auth',
      'core/1',
      'a/b/c',
      'a--b',
      '-a',
      'a-',
      'a_b',
      ' a',
      'a ',
    ],
    ...['core/a-', 'core/a--b', 'a'.repeat(130)],
  ])('is not of %j', (component) => {
    expect(takes({ component })).toBe(false);
  });

  it.each(['0%', '2%', '0.5%', '12.34%', '99%', '100%'])('tolerates %s', (tolerance) => {
    expect(takes({ tolerance })).toBe(true);
  });

  it.each(['', '2', '101%', '100.5%', '123%', '.5%', '2.%', '1.234%', '-1%', 'x2%', '2%x'])(
    'does not tolerate %j',
    (tolerance) => {
      expect(takes({ tolerance })).toBe(false);
    },
  );

  it('holds from one to a thousand events, and ends in one of four ways', () => {
    const [first] = RECORD.stages;
    const stages = (length: number) => Array.from({ length }, () => first);

    expect([0, 1, 1000, 1001].map((length) => takes({ stages: stages(length) }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(['open', 'completed', 'rolled-back', 'abandoned', ''].map((result) => takes({ result }))).toEqual([
      ...[true, true, true, true],
      false,
    ]);
  });
});

describe('an event', () => {
  it.each<[string, string, object]>([
    ['intake', 'passed', {}],
    ['build', 'passed', { release: RELEASE, tree: null, reproduced: true }],
    ['verification', 'failed', { release: RELEASE, checks: many(100) }],
    ['release', 'passed', { release: RELEASE, path: 'a.json' }],
    ['deploy', 'passed', { release: RELEASE, order: 'rollouts/x.json', document: RELEASE }],
    ['post-deploy', 'failed', { release: RELEASE, counts: COUNTS, acknowledged: 'a power cut' }],
    ['completion', 'failed', { release: RELEASE, returnsTo: null }],
    ['abandonment', 'failed', { reason: 'a slip' }],
  ])('of %s is taken as a command writes it', (stage, outcome, details) => {
    expect(event(stage, outcome, details)).toBe(true);
    expect(event(stage, 'perhaps', details)).toBe(false);
    expect(event(stage, outcome, { ...details, extra: 1 })).toBe(false);
  });

  it('of verification names from one to a hundred checks', () => {
    const checks = [0, 1, 100, 101].map((length) =>
      event('verification', 'passed', { release: RELEASE, checks: many(length) }),
    );

    expect(checks).toEqual([false, true, true, false]);
    expect(checkResult.safeParse({ check: 'a', outcome: 'skipped', detail: 'b' }).success).toBe(false);
  });

  it('of a stage that only passes does not fail, and one that only fails does not pass', () => {
    expect(event('intake', 'failed', {})).toBe(false);
    expect(event('abandonment', 'passed', { reason: 'a slip' })).toBe(false);
  });

  it('counts nothing below zero', () => {
    const takesCounts = (counts: object) => fleetCounts.safeParse({ ...COUNTS, ...counts }).success;
    const below = ['committed', 'rolledBack', 'inProgress', 'failed', 'environment', 'silent'].map((key) =>
      takesCounts({ [key]: -1 }),
    );

    expect([takesCounts({}), takesCounts({ environment: 0, silent: 0 }), ...below]).toEqual([
      ...[true, true],
      ...below.map(() => false),
    ]);
  });
});

describe('a failure', () => {
  it('is the release’s where the release itself did it, and the surroundings’ by any other code there is', () => {
    const release = Object.keys(CATALOGUE).filter((code) => !isSurroundings(code));

    expect(release.sort()).toEqual([
      ...[
        'deploy/exited',
        'deploy/hook-failed',
        'deploy/smoke-failed',
        'deploy/unhealthy',
        'deploy/unknown-variable',
        'deploy/went-down',
      ],
      'service/start-failed',
    ]);
    expect(RELEASE_FAULTS.toSorted()).toEqual(release);
  });

  it.each(['', 'deploy/unknown', 'toString', 'nothing'])(
    'by the unknown code %j is the release’s',
    (code) => {
      expect(isSurroundings(code)).toBe(false);
    },
  );
});
