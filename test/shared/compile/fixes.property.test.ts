// Properties of fixes that the policy lets in: the smallest move, held against the order's; no pin broken, nothing taken back.
import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { openFrom } from '../../../shared/compile/exposure.ts';
import type { CompileInput, Target } from '../../../shared/compile/target.ts';
import type { DeploymentManifest } from '../../../shared/schema/deployment.ts';
import {
  compile,
  compileAnew,
  compileEmergency,
  compileFixes,
  indexReleases,
  selectExposures,
  selectOffers,
} from '../../support/finished.ts';
import { type AdvisorySpec, compileInputOf, decideScenario, type Scenario } from '../../support/scenario.ts';
import { exposedWorld, troubledWorld, world } from '../../support/worlds.ts';

const FROM_HIGH = { channel: 'frozen', security: { from: 'high' } };

/** The same weaknesses, none of them with an order. */
function withoutOrders(scenario: Scenario, policy: object = FROM_HIGH): Scenario {
  const advisories = Object.entries(scenario.advisories ?? {}).map(([id, spec]): [string, AdvisorySpec] => [
    id,
    { ...spec, severity: 'high' },
  ]);
  return { ...scenario, policy: { ...policy }, advisories: Object.fromEntries(advisories) };
}

/** Installs that something affects, with pins that may allow its fix. */
const pinnedWorld = fc
  .tuple(
    exposedWorld,
    fc.dictionary(
      fc.constantFrom('platform', 'core', 'core/a', 'core/b', 'core/c'),
      fc.constantFrom('0.9.0', '~1.0.0', '1.x', '>=0.9.0'),
      { maxKeys: 2 },
    ),
  )
  .map(([scenario, pins]): Scenario => ({ ...scenario, pins }));

/** Installs that something affects, where half of what is released is rolled out. */
const quietWorld = fc
  .tuple(exposedWorld, fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }))
  .map(([scenario, states]): Scenario => {
    const releases = Object.entries(scenario.releases).map(([ref, spec], at) => [
      ref,
      { ...spec, rollout: states[at] ?? true },
    ]);
    return { ...scenario, releases: Object.fromEntries(releases) };
  });

const SEVERITIES = ['critical', 'high', 'medium'];

/** Several weaknesses of each component, of mixed severity, some of them in what would be their fix and without one of their own. */
const mixedWorld = fc
  .tuple(
    exposedWorld,
    fc.array(fc.constantFrom(...SEVERITIES), { minLength: 2, maxLength: 2 }),
    fc.array(
      fc.record({
        component: fc.constantFrom('core/a', 'core/b', 'core/c'),
        affected: fc.constantFrom('<1.0.1', '<2.0.0', '1.0.1', '1.1.0', '2.0.0', '>=1.0.1'),
        severity: fc.constantFrom(...SEVERITIES),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  )
  .map(([scenario, severities, more]): Scenario => {
    const known = Object.entries(scenario.advisories ?? {}).map(([id, spec], at): [string, AdvisorySpec] => [
      id,
      { ...spec, severity: severities[at] ?? 'high' },
    ]);
    const added = more.map(({ component, affected, severity }, at): [string, AdvisorySpec] => [
      `FL-2026-001${at}`,
      { affected: { [component]: affected }, severity },
    ]);
    return {
      ...scenario,
      policy: { channel: 'frozen', security: { from: 'medium' } },
      advisories: Object.fromEntries([...known, ...added]),
    };
  });

/** How many of the worlds drawn were about something: the rest prove nothing. */
function reaching(least: number): { readonly hit: () => void; readonly check: () => void } {
  let hits = 0;
  return {
    hit: () => {
      hits += 1;
    },
    check: () => expect(hits).toBeGreaterThan(least),
  };
}

describe('compileFixes', () => {
  it('moves what an order would move, to the same versions, where no pin and no rollout is in the way', () => {
    fc.assert(
      fc.property(fc.oneof(exposedWorld, world), (scenario) => {
        const free = { ...scenario, pins: {} };

        const letIn = compileFixes(compileInputOf(withoutOrders(free)));
        const ordered = compileEmergency(compileInputOf(free));

        expect(letIn.target?.manifest ?? null).toEqual(ordered.target?.manifest ?? null);
        expect(letIn.beside).toEqual(ordered.beside);
        expect(letIn.unfixable).toEqual(ordered.unfixable);
      }),
      { numRuns: 300 },
    );
  });

  it('moves nothing but what the advisories affect and what it names beside, which is on offer, with the demand behind it', () => {
    const reached = reaching(15);
    fc.assert(
      fc.property(fc.oneof(quietWorld, quietWorld, pinnedWorld, troubledWorld), (scenario) => {
        const input = compileInputOf(withoutOrders(scenario));
        const { target, beside } = compileFixes(input);
        if (target === null) return;
        reached.hit();

        const affected = affectedIn(input);
        const moved = movedBetween(input.current!, target!);
        expect(moved.filter((name) => !affected.has(name)).sort()).toEqual(
          beside.map(({ component }) => component),
        );
        const index = indexReleases(input.catalog.releases);
        const { of } = selectOffers(input, index);
        for (const { component, to } of beside) expect(of(component)).toContain(index.find(component, to));
        for (const { because } of beside) expect(because).toMatch(/ (?:requires|ships|does not ship) /);
      }),
      { numRuns: 500 },
    );
    reached.check();
  });

  it('breaks no pin, and no ordinary update takes a fix back', () => {
    const reached = reaching(15);
    fc.assert(
      fc.property(fc.oneof(pinnedWorld, pinnedWorld, troubledWorld), (scenario) => {
        const input = compileInputOf(withoutOrders(scenario));
        const { target, overridden } = compileFixes(input);
        if (target === null) return;
        reached.hit();
        const before = versionsIn(input.current!.manifest);
        const after = versionsIn(target!.manifest);

        for (const pin of input.pins) {
          const name = pin.level === 'platform' ? 'platform' : pin.name;
          const version = after[name];
          if (version === undefined || version === before[name]) continue;
          expect(semver.satisfies(version, pin.version)).toBe(true);
          expect(overridden).not.toContainEqual(pin);
        }
        const next = compile({ ...input, current: target });
        if (next.kind === 'conflict') return;
        const later = versionsIn(next.target.manifest);
        // What a pin governs goes where that leads, down as well: it is the operator's word.
        const pinned = new Set(input.pins.map((pin) => (pin.level === 'platform' ? 'platform' : pin.name)));
        const isFree = (name: string) =>
          ![name, name.split('/')[0]!, 'platform'].some((one) => pinned.has(one));
        for (const name of movedBetween(input.current!, target!).filter(isFree)) {
          expect(semver.gte(later[name] ?? '0.0.0', after[name]!)).toBe(true);
        }
      }),
      { numRuns: 600 },
    );
    reached.check();
  });

  it('comes to an end: fixes and ordinary updates in turn never lead back to what was left', () => {
    fc.assert(
      fc.property(fc.oneof(world, pinnedWorld, troubledWorld), (scenario) => {
        let input = compileInputOf(withoutOrders(scenario));
        const seen = new Set<string>();
        for (let turn = 0; turn < 30; turn++) {
          const { desired, fixes } = compileAnew(input);
          const next = fixes.target ?? (desired.kind === 'compiled' ? desired.target : null);
          const runs = input.current === null ? '' : JSON.stringify(versionsIn(input.current.manifest));
          if (next === null || JSON.stringify(versionsIn(next.manifest)) === runs) return;
          expect(seen).not.toContain(runs);
          seen.add(runs);
          input = { ...input, current: next };
        }
        expect.unreachable('there was always something more');
      }),
      { numRuns: 300 },
    );
  });

  it('leaves no more advisories of that severity open than there were', () => {
    fc.assert(
      fc.property(fc.oneof(exposedWorld, troubledWorld), (scenario) => {
        const input = compileInputOf(withoutOrders(scenario));
        const { target } = compileFixes(input);
        if (target === null) return;
        const open = (manifest: DeploymentManifest) =>
          selectExposures(manifest, input.catalog.advisories).length;

        expect(open(target!.manifest)).toBeLessThan(open(input.current!.manifest) + 1);
      }),
      { numRuns: 300 },
    );
  });

  it('opens nothing that is more severe than the worst that it closes, in any component', () => {
    const reached = reaching(15);
    fc.assert(
      fc.property(mixedWorld, (scenario) => {
        const input = compileInputOf(scenario);
        const { target } = compileFixes(input);
        if (target === null) return;
        const before = selectExposures(input.current!.manifest, input.catalog.advisories);
        const after = selectExposures(target!.manifest, input.catalog.advisories);

        for (const name of movedBetween(input.current!, target!)) {
          const urgencies = (these: typeof after, those: typeof after) =>
            these
              .filter(({ component }) => component === name)
              .filter(
                ({ advisory }) => !those.some((one) => one.component === name && one.advisory === advisory),
              )
              .map(({ severity }) => SEVERITIES.indexOf(severity));
          const opened = urgencies(after, before);
          if (opened.length === 0) continue;
          reached.hit();
          expect(Math.min(...opened)).toBeGreaterThanOrEqual(Math.min(...urgencies(before, after)));
        }
      }),
      { numRuns: 1000 },
    );
    reached.check();
  });

  it('is nothing, and changes nothing, where the policy says nothing', () => {
    fc.assert(
      fc.property(troubledWorld, (scenario) => {
        const silent = withoutOrders(scenario, {});
        const said = withoutOrders(scenario, { security: { from: 'critical' } });

        expect(compileFixes(compileInputOf(silent)).target).toBeNull();
        expect(compile(compileInputOf(said))).toEqual(
          compile({ ...compileInputOf(silent), fixesFrom: undefined as never }),
        );
        expect(decideScenario(said).decision).toEqual(decideScenario(silent).decision);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a decision about a fix', () => {
  it('applies inside windows alone, and never while something is held', () => {
    const windows = { allow: [{ name: 'night', cron: '0 2 * * *', duration: 'PT4H', zone: 'UTC' }] };
    const hold = { since: '2026-03-01T00:00:00Z', until: '2026-03-08T00:00:00Z', reason: 'sale', by: 'ada' };
    fc.assert(
      fc.property(fc.oneof(exposedWorld, troubledWorld), fc.boolean(), fc.nat(23), (scenario, held, hour) => {
        const now = `2026-03-02T${String(hour).padStart(2, '0')}:30:00Z`;
        const policy = { ...FROM_HIGH, windows, ...(held ? { hold } : {}) };

        const { decision } = decideScenario({ ...withoutOrders(scenario, policy), now });

        const isOpen = hour >= 2 && hour < 6;
        if (held || !isOpen) expect(decision.verdict).not.toBe('apply');
        if (decision.verdict === 'apply') expect(decision.fix).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });
});

function affectedIn(input: CompileInput): ReadonlySet<string> {
  const wanted = openFrom(input.catalog.advisories, 'high');
  const { components } = input.current!.manifest;
  const open = wanted.flatMap(({ affected }) =>
    components.filter(({ component, version }) =>
      affected.some((one) => one.component === component && semver.satisfies(version, one.versions)),
    ),
  );
  return new Set(open.map(({ component }) => component));
}

function movedBetween(from: Target, to: Target): readonly string[] {
  const before = versionsIn(from.manifest);
  return Object.entries(versionsIn(to.manifest))
    .filter(([name, version]) => before[name] !== version)
    .map(([name]) => name);
}

function versionsIn(manifest: DeploymentManifest): Record<string, string> {
  return Object.fromEntries([
    ...(manifest.platform === null ? [] : [['platform', manifest.platform.version]]),
    ...manifest.suites.map((suite) => [suite.name, suite.version]),
    ...manifest.components.map((one) => [one.component, one.version]),
  ]);
}
