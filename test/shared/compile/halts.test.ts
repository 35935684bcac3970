// Halts: for how long one stops a release, and for how much less a forced patch, whatever its signer wrote.
import { describe, expect, it } from 'vitest';
import { activeHalts, haltMoments } from '../../../shared/compile/halts.ts';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { halt } from '../../../shared/schema/rollout.ts';
import { compileEmergency } from '../../support/finished.ts';
import { compileInputOf } from '../../support/scenario.ts';

const HOUR = 3_600_000;
const T0 = instantMs('2026-03-02T12:00:00Z');

describe('a halt', () => {
  const haltOf = (issued: number, expires: number) =>
    halt.parse({
      schema: 'fairlead/halt@1',
      digest: `sha256:${'1'.repeat(64)}`,
      reason: 'errors',
      issued: formatInstant(issued),
      expires: formatInstant(expires),
    });

  it.each([
    ['lasts 72 hours', 72 * HOUR, true],
    ['lasts a second longer', 72 * HOUR + 1000, false],
    ['lasts ten years', 87_600 * HOUR, false],
    ['ends as it begins', 0, false],
    ['ends before it begins', -HOUR, false],
  ])('that %s is read: %s ms, %s', (_name, lasts, isRead) => {
    expect(halt.safeParse({ ...haltOf(T0, T0 + HOUR), expires: formatInstant(T0 + lasts) }).success).toBe(
      isRead,
    );
  });

  it.each([
    ['now', 0, true],
    ['by a vendor whose clock is a day ahead', 24 * HOUR, true],
    ['for a time that is still to come', 24 * HOUR + 1000, false],
    ['for the next decade', 87_600 * HOUR, false],
  ])('issued %s is in force: %s ms ahead, %s', (_name, ahead, isInForce) => {
    const issued = haltOf(T0 + ahead, T0 + ahead + 72 * HOUR);

    expect(activeHalts([issued], T0).size === 1).toBe(isInForce);
  });
});

describe('a halt of a vendor whose clock is ahead', () => {
  it('is in force a day before it was issued, and not a millisecond earlier', () => {
    const halts = [
      halt.parse({
        schema: 'fairlead/halt@1',
        digest: `sha256:${'1'.repeat(64)}`,
        reason: 'errors',
        issued: formatInstant(T0 + 24 * HOUR),
        expires: formatInstant(T0 + 48 * HOUR),
      }),
    ];

    expect([T0 - 1, T0].map((now) => activeHalts(halts, now).size)).toEqual([0, 1]);
  });
});

describe('halts of one digest', () => {
  const haltOf = (expires: number, reason: string, digit = '1') =>
    halt.parse({
      schema: 'fairlead/halt@1',
      digest: `sha256:${digit.repeat(64)}`,
      reason,
      issued: formatInstant(T0 - HOUR),
      expires: formatInstant(expires),
    });
  const reasons = (halts: Parameters<typeof activeHalts>[0]) =>
    [...activeHalts(halts, T0).values()].map(({ reason }) => reason).toSorted();

  it.each([
    ['a second before its end', T0 + 1000, ['a']],
    ['at its end', T0, []],
    ['after it', T0 - 1000, []],
  ])('are in force or not %s', (_when, expires, active) => {
    expect(reasons([haltOf(expires, 'a')])).toEqual(active);
  });

  it('are told by the one that ends last, and of two that end together by their words, in any order', () => {
    const [early, late, same] = [
      haltOf(T0 + HOUR, 'z'),
      haltOf(T0 + 2 * HOUR, 'a'),
      haltOf(T0 + 2 * HOUR, 'b'),
    ];

    for (const halts of [
      [early, late],
      [late, early],
    ])
      expect(reasons(halts)).toEqual(['a']);
    for (const halts of [
      [late, same],
      [same, late],
    ])
      expect(reasons(halts)).toEqual(['b']);
    expect(reasons([early, haltOf(T0 + HOUR, 'other', '2')])).toEqual(['other', 'z']);
  });
});

describe('an emergency order for a version that is halted', () => {
  const at = (hours: number) => T0 + hours * HOUR;
  const isForced = (now: number, since: number | null) => {
    const input = compileInputOf({
      now: formatInstant(now),
      releases: { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': {} },
      runs: ['core/auth@1.0.0'],
      advisories: { 'FL-1-1': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] } },
      halts: {},
    });
    const fix = input.catalog.releases.find(({ document }) => document.version === '1.0.1')!.digest;
    // Renewed an hour ago, as it was renewed before.
    const renewed = {
      schema: 'fairlead/halt@1' as const,
      digest: fix,
      reason: 'errors',
      issued: formatInstant(now - HOUR),
      expires: formatInstant(now + 71 * HOUR),
    };
    const haltedSince = since === null ? {} : { haltedSince: new Map([[fix, since]]) };
    const catalog = { ...input.catalog, halts: [renewed], ...haltedSince };
    const result = compileEmergency({ ...input, catalog });
    expect(haltMoments(catalog)).toContain(now + 71 * HOUR);
    return result.target !== null;
  };

  it.each([
    ['seen halted an hour ago', at(0), at(-1), false],
    ['seen halted just under three days ago', at(0), at(-72) + 1000, false],
    ['seen halted three days ago, and renewed since', at(0), at(-72), true],
    ['seen halted a year ago', at(0), at(-8760), true],
    ['whose halt alone says since when', at(0), null, false],
  ])('%s', (_name, now, since, forced) => {
    expect(isForced(now, since)).toBe(forced);
  });
});

describe('an order whose fixes are halted one after the other', () => {
  const HALTED = ['core/auth@1.0.1', 'core/auth@1.0.2', 'core/api@1.1.0'] as const;
  const seen = (hours: number) => T0 + hours * HOUR;

  /** Halted just now, each for the first time: for 72 hours a digest a thief would win for ever. */
  const forcedTo = (sinceHours: number | null, more: object = {}) => {
    const input = compileInputOf({
      now: formatInstant(T0),
      releases: {
        'core/auth@1.0.0': {},
        'core/auth@1.0.1': { requires: { 'core/api': '>=1.1.0' } },
        'core/auth@1.0.2': { requires: { 'core/api': '>=1.1.0' } },
        'core/api@1.0.0': {},
        'core/api@1.1.0': {},
        'core/web@1.0.0': {},
        'core/web@1.0.1': {},
      },
      runs: ['core/auth@1.0.0', 'core/api@1.0.0', 'core/web@1.0.0'],
      advisories: {
        'FL-1-1': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1', 'core/auth@1.0.2'] },
      },
      ...more,
    });
    const digestOf = (text: string) =>
      input.catalog.releases.find(({ document }) => {
        const { suite, name, version } = document as { suite?: string; name?: string; version: string };
        return `${suite}/${name}@${version}` === text;
      })!.digest;
    const digests = [...HALTED, 'core/web@1.0.1'].map(digestOf);
    const halts = digests.map((digest) => ({
      schema: 'fairlead/halt@1' as const,
      digest,
      reason: 'errors',
      issued: formatInstant(T0 - HOUR),
      expires: formatInstant(T0 + 71 * HOUR),
    }));
    const haltedSince = new Map(digests.map((digest) => [digest, T0 - HOUR] as const));
    const orders = sinceHours === null ? {} : { ordersHaltedSince: new Map([['FL-1-1', seen(sinceHours)]]) };
    const { target, unfixable } = compileEmergency({
      ...input,
      catalog: { ...input.catalog, halts, haltedSince, ...orders },
    });
    const moved = target?.manifest.components.filter(({ version }) => version !== '1.0.0') ?? [];
    return {
      moved: moved.map(({ component, version }) => `${component} ${version}`),
      open: unfixable.map(({ advisory: id, reason }) => `${id} ${reason}`),
    };
  };

  it.each([
    ['for the first time', null, []],
    ['for just under 72 hours', -72 + 0.01, []],
    ['for 72 hours', -72, ['core/api 1.1.0', 'core/auth 1.0.1']],
    ['for a year', -8760, ['core/api 1.1.0', 'core/auth 1.0.1']],
  ])('waits for them %s at the most', (_name, since, moved) => {
    expect(forcedTo(since).moved).toEqual(moved);
  });

  it('goes alone: another order of the same day is still halted', () => {
    const advisories = {
      'FL-1-1': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] },
      'FL-1-2': { affected: { 'core/web': '<1.0.1' }, fixed: ['core/web@1.0.1'] },
    };

    expect(forcedTo(-72, { advisories })).toEqual({
      moved: ['core/api 1.1.0', 'core/auth 1.0.1'],
      open: ['FL-1-2 halted'],
    });
  });
});
