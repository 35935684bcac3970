// Whoever has the halts key, and whatever is released meanwhile: one order is held up for 72 hours in all.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addSightings, NO_SIGHTINGS } from '../../../../agent/engine/repository/sightings.ts';
import { activeHalts } from '../../../../shared/compile/halts.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { formatInstant, instantMs } from '../../../../shared/encoding/instant.ts';
import { compileEmergency } from '../../../support/finished.ts';
import { compileInputOf } from '../../../support/scenario.ts';

const HOUR = 3_600_000;
const START = instantMs('2026-03-02T00:00:00Z');
const STEP_HOURS = 6;
const STEPS = 60;

const NEEDS = { requires: { 'core/api': '>=1.1.0' } };
/** Named by the order, and what they need; the later ones are released on the way. */
const LATER = ['core/auth@1.0.2', 'core/auth@1.0.3', 'core/api@1.2.0', 'core/api@1.3.0'] as const;
const FIRST = {
  'core/auth@1.0.0': {},
  'core/auth@1.0.1': NEEDS,
  'core/api@1.0.0': {},
  'core/api@1.1.0': {},
};
const FIXED = ['core/auth@1.0.1', 'core/auth@1.0.2', 'core/auth@1.0.3'];

const step = fc.nat(STEPS - 1);
const released = fc.tuple(...LATER.map(() => step));
/** Which of what is released is halted anew, in which step, for how long. */
const halts = fc.array(fc.tuple(step, fc.nat(7), fc.integer({ min: 1, max: 72 })), {
  minLength: 20,
  maxLength: 120,
});

it('is forced 72 hours after the first halt beside it, at the latest', () => {
  fc.assert(
    fc.property(released, halts, (arrivals, stolen) => {
      let known = NO_SIGHTINGS;
      let since: number | null = null;
      let issued: { readonly name: number; readonly at: number; readonly hours: number }[] = [];
      for (let n = 0; n < STEPS; n++) {
        const now = START + n * STEP_HOURS * HOUR;
        const later = LATER.filter((_, index) => (arrivals[index] ?? 0) <= n);
        const input = compileInputOf({
          now: formatInstant(now),
          releases: {
            ...FIRST,
            ...Object.fromEntries(later.map((name) => [name, name.includes('auth') ? NEEDS : {}])),
          },
          runs: ['core/auth@1.0.0', 'core/api@1.0.0'],
          advisories: { 'FL-1-1': { affected: { 'core/auth': '<1.0.1' }, fixed: FIXED } },
        });
        const renewed = stolen
          .filter(([at]) => at === n)
          .map(([, name, hours]) => ({ name, at: now, hours }));
        issued = [...issued.filter((old) => renewed.every(({ name }) => name !== old.name)), ...renewed];
        const { releases } = input.catalog;
        const halted = issued.flatMap(({ name, at, hours }) => {
          const digest = releases[name]?.digest;
          const span = { issued: formatInstant(at), expires: formatInstant(at + hours * HOUR) };
          return digest === undefined
            ? []
            : [{ schema: 'fairlead/halt@1' as const, digest, reason: 'x', ...span }];
        });
        const listed = [
          ...releases.map(({ digest }) => ({ path: 'a', sha256: hexOf(digest), length: 1 })),
          ...halted.map(({ digest }) => ({
            path: `halts/${hexOf(digest)}.json`,
            sha256: hexOf(digest),
            length: 1,
          })),
          { path: 'advisories/FL-1-1.json', sha256: '0'.repeat(64), length: 1 },
        ];
        const beside = activeHalts(halted, now).size > 0 ? ['FL-1-1'] : [];
        known = addSightings(known, listed, beside, now);
        if (beside.length > 0) since ??= now;
        const { target } = compileEmergency({
          ...input,
          catalog: {
            ...input.catalog,
            halts: halted,
            haltedSince: known.digests,
            ordersHaltedSince: known.orders,
          },
        });
        if (since === null || now >= since + 72 * HOUR) expect(target).not.toBeNull();
      }
    }),
    { numRuns: 25 },
  );
});
