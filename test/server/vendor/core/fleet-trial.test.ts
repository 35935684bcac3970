// Releases that are not out yet, on what installs report: who takes them, who stays and why, and when a release is refused.
import { describe, expect, it } from 'vitest';
import { createFit, type Fit, type FleetKind } from '../../../../server/vendor/core/fleet-trial.ts';
import { describeTrial, judgeTrial, type Tried } from '../../../../server/vendor/core/fleet-verdict.ts';
import { componentKey } from '../../../../shared/schema/common.ts';
import { parseRef } from '../../../../shared/schema/release-ref.ts';
import { parseVersion } from '../../../../shared/version/version.ts';
import { buildRelease, compileInputOf, type ReleaseSpec, type Scenario } from '../../../support/scenario.ts';

/** What one install runs, as `core/auth@1.0.0`. */
function kind(runs: readonly string[], more: Partial<FleetKind> = {}): FleetKind {
  const components = runs.map((text) => {
    const [component = '', version = ''] = text.split('@');
    return { component: componentKey.parse(component), version: parseVersion(version) };
  });
  const instance = '6f1c0d0e-0000-4000-8000-000000000001';
  return { ...{ instance, installs: 1, track: 'stable', components, pins: [], facts: {} }, ...more };
}

function fitOf(
  releases: Scenario['releases'],
  candidate: readonly [text: string, spec?: ReleaseSpec],
  runs: FleetKind,
  ...together: readonly (readonly [text: string, spec?: ReleaseSpec])[]
): Fit {
  const { catalog, now } = compileInputOf({ releases });
  const candidates = [candidate, ...together].map(([text, spec]) => buildRelease(parseRef(text), spec));
  return createFit({ candidates, catalog, now })(runs);
}

const OUT = { 'core/auth@1.0.0': {}, 'core/api@1.0.0': { requires: { 'core/auth': '^1.0.0' } } };
const pinned = (version: string) => ({ pins: [{ pinned: 'core/auth', version, by: 'alice' }] });

describe('a release on an install', () => {
  it.each<[string, Fit, FleetKind, readonly [string, ReleaseSpec?]]>([
    [
      'is taken where everything holds',
      { kind: 'takes', bytes: 100, by: null },
      kind(['core/auth@1.0.0', 'core/api@1.0.0']),
      ['core/auth@1.1.0'],
    ],
    [
      'stays out where what runs beside it does not take it',
      { kind: 'stays', at: 'core/auth 1.0.0' },
      kind(['core/auth@1.0.0', 'core/api@1.0.0']),
      ['core/auth@2.0.0'],
    ],
    [
      'is kept out by a pin that alone is in its way',
      { kind: 'pinned', pins: ['core/auth ~1.0 by alice'] },
      kind(['core/auth@1.0.0'], pinned('~1.0')),
      ['core/auth@1.1.0'],
    ],
    [
      'is not kept out by a pin where it could not be taken without',
      { kind: 'stays', at: 'core/auth 1.0.0' },
      kind(['core/auth@1.0.0', 'core/api@1.0.0'], pinned('~1.0')),
      ['core/auth@2.0.0'],
    ],
    [
      'is nothing to who runs nothing of its suite',
      { kind: 'apart' },
      kind(['web/shop@1.0.0']),
      ['core/auth@1.1.0'],
    ],
    [
      'is taken as a new part of a suite that runs',
      { kind: 'takes', bytes: 100, by: null },
      kind(['core/auth@1.0.0']),
      ['core/mail@1.0.0'],
    ],
    [
      'is nothing to who left it out of the suite',
      { kind: 'apart' },
      kind(['core/auth@1.0.0']),
      ['core/api@1.1.0'],
    ],
    [
      'for an older line is passed over for what is newer',
      { kind: 'newer', at: 'core/auth 1.0.0' },
      kind(['core/auth@1.0.0']),
      ['core/auth@0.9.1'],
    ],
    [
      'is nothing that a report can make throw',
      { kind: 'takes', bytes: 100, by: null },
      kind(['core/auth@0.1.0-unheard.of'], { pins: [{ pinned: '…', version: 'no version', by: '' }] }),
      ['core/auth@1.1.0'],
    ],
  ])('%s', (_what, expected, runs, candidate) => {
    expect(fitOf(OUT, candidate, runs)).toEqual(expected);
  });

  it('is tried with what is to come out together with it', () => {
    const runs = kind(['core/auth@1.0.0', 'core/api@1.0.0']);
    const api = ['core/api@2.0.0', { requires: { 'core/auth': '^2.0.0' } }] as const;

    expect(fitOf(OUT, ['core/auth@2.0.0'], runs, api)).toEqual({ kind: 'takes', bytes: 200, by: null });
  });

  it('is taken by way of a required stop', () => {
    const releases = { 'core/auth@1.0.0': {}, 'core/auth@1.5.0': { requiredStop: true } };

    expect(fitOf(releases, ['core/auth@2.0.0'], kind(['core/auth@1.0.0']))).toMatchObject({ by: '1.5.0' });
  });
});

describe('the fleet', () => {
  const tried = (installs: number, of: Fit): Tried => ({ kind: kind([], { installs }), fit: of });
  const TAKES: Fit = { kind: 'takes', bytes: 2_000, by: null };
  const PINNED: Fit = { kind: 'pinned', pins: ['core ~1.0 by alice'] };
  const CONFLICT: Fit = { kind: 'conflict', problems: ['core/api 1.0.0 requires core/auth ^1.0.0'] };
  const NEWER: Fit = { kind: 'newer', at: 'core/auth 1.3.7' };
  const APART: Fit = { kind: 'apart' };

  it.each<[string, readonly Tried[], string, string]>([
    ['one that takes it', [tried(9, TAKES), tried(3, CONFLICT)], 'passed', '9 of 12 installs would take it'],
    ['none but for pins', [tried(2, PINNED), tried(1, CONFLICT)], 'passed', '2 are kept by pins'],
    [
      'none but for an advisory',
      [tried(2, NEWER), tried(1, CONFLICT)],
      'passed',
      '2 would rather have a newer one',
    ],
    ['nobody', [tried(5, CONFLICT)], 'failed', '5 could not: core/api 1.0.0 requires core/auth ^1.0.0'],
    ['nobody whom it is for', [tried(5, APART)], 'passed', 'no known install would run it'],
    ['nobody at all', [], 'passed', 'no install has reported'],
  ])('lets a release pass or not by %s', (_what, all, outcome, detail) => {
    const check = judgeTrial({ tried: all, left: 0, more: false });

    expect(check).toMatchObject({ check: 'known fleet', outcome });
    expect(check.detail).toContain(detail);
  });

  it.each<[string, number, boolean, string]>([
    ['kinds or time', 40, false, '40 were not looked at'],
    ['pages', 0, true, 'more were not looked at'],
    ['all of them', 40, true, '40 and more were not looked at'],
  ])('refuses nothing where %s did not suffice, and says so', (_what, left, more, detail) => {
    for (const all of [[tried(5, CONFLICT)], [tried(5, APART)], []]) {
      const check = judgeTrial({ tried: all, left, more });
      expect(check.outcome).toBe('passed');
      expect(check.detail.endsWith(`; ${detail}`)).toBe(true);
    }
  });

  it('tells causes once, those of most installs first', () => {
    const lines = describeTrial({
      tried: [tried(1, PINNED), tried(2, CONFLICT), tried(3, CONFLICT), tried(7, TAKES)],
    });

    expect(lines).toEqual([
      'at most 2.0 kB for an install to fetch',
      '5 installs: core/api 1.0.0 requires core/auth ^1.0.0',
      '1 install: kept by core ~1.0 by alice',
    ]);
  });
});
