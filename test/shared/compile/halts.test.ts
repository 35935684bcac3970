// Halts: for how long one stops a release, and for how much less a forced patch, whatever its signer wrote.
import { describe, expect, it } from 'vitest';
import { compileEmergency } from '../../../shared/compile/emergency.ts';
import { activeHalts, haltMoments } from '../../../shared/compile/halts.ts';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { halt } from '../../../shared/schema/rollout.ts';
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
