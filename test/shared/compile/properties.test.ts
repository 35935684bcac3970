// Properties of compile, checked against an oracle that tries every combination of small catalogs.
import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { isAffected, openCritical } from '../../../shared/compile/exposure.ts';
import type { CompileInput } from '../../../shared/compile/target.ts';
import type { DeploymentManifest } from '../../../shared/schema/deployment.ts';
import type { Version } from '../../../shared/version/version.ts';
import { compile, compileEmergency, selectExposures } from '../../support/finished.ts';
import { bestCombination, movesIn, repairs, type Versions, worldOf } from '../../support/oracle.ts';
import { compileInputOf, decideScenario } from '../../support/scenario.ts';
import { exposedWorld, troubledWorld, world } from '../../support/worlds.ts';

describe('compile', () => {
  it('finds the best combination there is, and none exactly where there is none', () => {
    fc.assert(
      fc.property(world, (scenario) => {
        const input = compileInputOf({ ...scenario, advisories: {} });
        const best = bestCombination(worldOf(input));

        const result = compile(input);

        expect(result.kind === 'compiled' ? versionsIn(result.target.manifest) : null).toEqual(
          best === null ? null : present(best),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('gives the same result whatever the order of its parts', () => {
    fc.assert(
      fc.property(troubledWorld, fc.infiniteStream(fc.nat()), (scenario, chances) => {
        const input = compileInputOf(scenario);

        const shuffled = shuffle(input, () => chances.next().value);

        expect(compile(shuffled)).toEqual(compile(input));
        expect(compileEmergency(shuffled)).toEqual(compileEmergency(input));
      }),
      { numRuns: 300 },
    );
  });

  it('never breaks a pin that has not expired, unless a critical advisory overrides it', () => {
    fc.assert(
      fc.property(world, (scenario) => {
        const input = compileInputOf(scenario);

        const result = compile(input);

        if (result.kind === 'conflict') return;
        const chosen = versionsIn(result.target.manifest);
        for (const { pin, state } of result.pins) {
          const version = chosen[pin.level === 'platform' ? 'platform' : pin.name];
          if (version === undefined || state === 'overridden') continue;
          expect(semver.satisfies(version, pin.version)).toBe(true);
        }
        const forced = result.target.manifest.components.some((one) => one.origin.startsWith('forced:'));
        expect(forced || result.pins.every(({ state }) => state !== 'overridden')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is not changed by a release below what runs', () => {
    fc.assert(
      fc.property(world, (scenario) => {
        const free = { ...scenario, pins: {} };
        const before = compile(compileInputOf(free));
        const running = (scenario.runs ?? []).map((ref) => ref.split('@')[0] ?? '');
        const lower = Object.fromEntries(running.map((name) => [`${name}@0.9.0`, {}]));

        const after = compile(compileInputOf({ ...free, releases: { ...free.releases, ...lower } }));

        expect(after).toEqual(before);
      }),
      { numRuns: 300 },
    );
  });

  it('does not go down by itself', () => {
    fc.assert(
      fc.property(troubledWorld, (scenario) => {
        const input = compileInputOf({ ...scenario, pins: {} });

        const result = compile(input);

        if (result.kind === 'conflict' || input.current === null) return;
        const after = versionsIn(result.target.manifest);
        for (const [name, version] of Object.entries(versionsIn(input.current.manifest))) {
          expect(semver.gte(after[name] ?? '0.0.0', version)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('compileEmergency', () => {
  it('fixes whatever can be fixed, at the nearest fixes, and moves as little as possible for them', {
    timeout: 180_000,
  }, () => {
    fc.assert(
      fc.property(exposedWorld, (scenario) => {
        const input = compileInputOf(scenario);
        const start = worldOf(input);
        const affected = affectedIn(input, start.runs);
        const isFixed = (versions: Versions) =>
          affectedIn(input, versions).length === 0 &&
          affected.every((name) => isNamedFix(input, name, start.runs, versions));
        const [smallest] = repairs(start, affected, isFixed).toSorted((a, b) =>
          compareFixes(start.runs, affected, a, b),
        );
        fc.pre(affected.length > 0 && smallest !== undefined);

        const { target, unfixable } = compileEmergency(input);

        const after = versionsIn(target!.manifest);
        expect(unfixable).toEqual([]);
        expect(affected.map((name) => after[name])).toEqual(affected.map((name) => smallest![name]));
        expect(movesIn(start, { ...absent(smallest!), ...after })).toBe(movesIn(start, smallest!));
        expect(selectExposures(target!.manifest, input.catalog.advisories)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('moves nothing where nothing critical is open', () => {
    fc.assert(
      fc.property(troubledWorld, (scenario) => {
        const input = compileInputOf({ ...scenario, advisories: {} });

        expect(compileEmergency(input)).toMatchObject({ target: null, unfixable: [] });
      }),
      { numRuns: 100 },
    );
  });
});

describe('decide', () => {
  it('has no blocker exactly when it applies or is current', () => {
    fc.assert(
      fc.property(troubledWorld, (scenario) => {
        const { decision } = decideScenario(scenario);

        const isClear = decision.verdict === 'apply' || decision.verdict === 'current';
        expect(decision.blockers.length === 0).toBe(isClear);
        expect(decision.verdict === 'apply' ? decision.target : null).toEqual(
          decision.verdict === 'apply' ? expect.anything() : null,
        );
      }),
      { numRuns: 400 },
    );
  });
});

function versionsIn(manifest: DeploymentManifest): Record<string, string> {
  return Object.fromEntries([
    ...(manifest.platform === null ? [] : [['platform', manifest.platform.version]]),
    ...manifest.suites.map((suite) => [suite.name, suite.version]),
    ...manifest.components.map((one) => [one.component, one.version]),
  ]);
}

function present(versions: Versions): Record<string, string> {
  return Object.fromEntries(
    Object.entries(versions).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

function absent(versions: Versions): Versions {
  return Object.fromEntries(Object.keys(versions).map((name) => [name, null]));
}

/** Nearest first, the first component's before the next one's: same minor line, same major, higher; then lower first. */
function compareFixes(runs: Versions, affected: readonly string[], a: Versions, b: Versions): number {
  for (const name of [...affected].sort()) {
    const [from, one, other] = [runs[name] ?? '0.0.0', a[name] ?? '0.0.0', b[name] ?? '0.0.0'];
    const distance = (to: string) => {
      if (semver.major(from) !== semver.major(to)) return 2;
      return semver.minor(from) === semver.minor(to) ? 0 : 1;
    };
    const order = distance(one) - distance(other) || semver.compare(one, other);
    if (order !== 0) return order;
  }
  return 0;
}

function isExposed(input: CompileInput, name: string, version: string): boolean {
  return openCritical(input.catalog.advisories).some((one) => isAffected(one, name, version as Version));
}

function affectedIn(input: CompileInput, runs: Versions): readonly string[] {
  return Object.entries(runs)
    .filter(([name, version]) => version !== null && isExposed(input, name, version))
    .map(([name]) => name);
}

/** A forced component stands at a version that an advisory which affects what runs names as fixed. */
function isNamedFix(input: CompileInput, name: string, runs: Versions, versions: Versions): boolean {
  const advisories = openCritical(input.catalog.advisories).filter((one) =>
    isAffected(one, name, (runs[name] ?? '0.0.0') as Version),
  );
  return advisories.some((one) =>
    one.fixed.some((fix) => fix.component === name && fix.version === versions[name]),
  );
}

function shuffle(input: CompileInput, chance: () => number): CompileInput {
  const mixed = <Item>(items: readonly Item[]) =>
    items
      .map((item) => [chance(), item] as const)
      .toSorted(([a], [b]) => a - b)
      .map(([, item]) => item);
  const { releases, rollouts, advisories, halts } = input.catalog;
  return {
    ...input,
    pins: mixed(input.pins),
    quarantined: new Set(mixed([...input.quarantined])),
    catalog: {
      releases: mixed(releases),
      rollouts: mixed(rollouts),
      advisories: mixed(advisories),
      halts: mixed(halts),
    },
  };
}
