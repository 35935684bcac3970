// Random small worlds for properties: a platform, a suite, three capabilities, what runs, pins and advisories.
import fc from 'fast-check';
import type { AdvisorySpec, ReleaseSpec, Scenario } from './scenario.ts';

const CAPABILITIES = ['core/a', 'core/b', 'core/c'] as const;
const VERSIONS = ['1.0.0', '1.0.1', '1.1.0', '2.0.0'] as const;
const RANGES = ['1.0.0', '~1.0.0', '^1.0.0', '>=1.0.1', '>=1.1.0', '1.1.0', '^2.0.0', '*'] as const;

const range = fc.constantFrom(...RANGES);

/** At most one requirement of each version, so that most worlds have a solution. */
const requires = fc.option(
  fc.tuple(fc.constantFrom(...CAPABILITIES), range).map(([on, wanted]) => ({ [on]: wanted })),
  { nil: {} },
);

const capability = fc.record({ requires }) satisfies fc.Arbitrary<ReleaseSpec>;
const suite = fc.record({
  ships: fc.record({ a: range, b: range, c: range }, { requiredKeys: [] }),
}) satisfies fc.Arbitrary<ReleaseSpec>;
const platform = fc.record({
  ships: fc.record({ core: range }, { requiredKeys: [] }),
}) satisfies fc.Arbitrary<ReleaseSpec>;

function versionsOf<Spec>(name: string, spec: fc.Arbitrary<Spec>, max: number) {
  return fc
    .tuple(fc.subarray([...VERSIONS], { maxLength: max }), fc.array(spec, { minLength: 4, maxLength: 4 }))
    .map(([versions, specs]) => versions.map((version, i) => [`${name}@${version}`, specs[i]] as const));
}

export const releases = fc
  .tuple(
    versionsOf('platform', platform, 2),
    versionsOf('core', suite, 2),
    ...CAPABILITIES.map((name) => versionsOf(name, capability, 3)),
  )
  .map((groups) => Object.fromEntries(groups.flat()) as Record<string, ReleaseSpec>);

/** What runs is any released version of some components; it need not satisfy anything. */
function runsOf(specs: Record<string, ReleaseSpec>): fc.Arbitrary<string[]> {
  const byName = Map.groupBy(Object.keys(specs), (ref) => ref.split('@')[0] ?? '');
  const picks = [...byName.values()].map((refs) => fc.option(fc.constantFrom(...refs), { nil: null }));
  return fc.tuple(...picks).map((refs) => refs.filter((ref) => ref !== null));
}

const pins = fc.dictionary(
  fc.constantFrom('platform', 'core', ...CAPABILITIES),
  fc.constantFrom('1.0.0', '~1.0.0', '1.x', '>=1.1.0'),
  { maxKeys: 2 },
);

const advisory: fc.Arbitrary<AdvisorySpec> = fc
  .record({
    component: fc.constantFrom(...CAPABILITIES),
    affected: fc.constantFrom('<1.0.1', '<1.1.0', '<2.0.0', '1.1.0'),
    fixed: fc.subarray([...VERSIONS], { minLength: 1 }),
  })
  .map(({ component, affected, fixed }) => ({
    affected: { [component]: affected },
    fixed: fixed.map((version) => `${component}@${version}`),
  }));

const advisories = fc
  .array(advisory, { maxLength: 2 })
  .map((all) => Object.fromEntries(all.map((one, i) => [`FL-2026-000${i + 1}`, one])));

/** Everything released is offered; nothing is quarantined or halted. */
export const world: fc.Arbitrary<Scenario> = releases.chain((specs) =>
  fc.record({ releases: fc.constant(specs), runs: runsOf(specs), pins, advisories }),
);

/** A consistent install of lowest versions, at least one of them affected by a critical advisory. */
export const exposedWorld: fc.Arbitrary<Scenario> = fc
  .record({
    releases,
    advisories: fc.tuple(advisory, fc.option(advisory, { nil: null })),
  })
  .map(({ releases: specs, advisories: [first, second] }) => {
    const free = CAPABILITIES.map((name) => [`${name}@0.9.0`, {}] as const);
    const higher = Object.entries(specs).filter(([ref]) => !ref.endsWith('@1.0.0') || !ref.includes('/'));
    const parents = Object.keys(specs).filter((ref) => !ref.includes('/') && ref.endsWith('@1.0.0'));
    return {
      releases: Object.fromEntries([...free, ...higher]),
      runs: [...free.map(([ref]) => ref), ...parents],
      advisories: { 'FL-2026-0001': first, ...(second === null ? {} : { 'FL-2026-0002': second }) },
    };
  });

/** The same with quarantine, rollouts that withhold, policies and stale trust. */
export const troubledWorld: fc.Arbitrary<Scenario> = releases.chain((specs) => {
  const refs = Object.keys(specs);
  const rollouts = fc.array(
    fc.constantFrom(true, true, true, false, 'paused' as const, 'withdrawn' as const),
    {
      minLength: refs.length,
      maxLength: refs.length,
    },
  );
  return fc.record({
    releases: rollouts.map((states) =>
      Object.fromEntries(refs.map((ref, i) => [ref, { ...specs[ref], rollout: states[i] ?? true }])),
    ),
    runs: runsOf(specs),
    pins,
    advisories,
    quarantined: fc.subarray(refs, { maxLength: Math.min(2, refs.length) }),
    policy: fc.constantFrom({}, { channel: 'manual' }, { channel: 'frozen' }, 'unreadable' as const, {
      windows: { allow: [{ name: 'night', cron: '0 2 * * *', duration: 'PT4H', zone: 'UTC' }] },
    }),
    freshness: fc.constantFrom('fresh', 'fresh', 'expired', 'clock-behind', 'never'),
  });
});
