// The oracle: tries every combination of versions of a small catalog and judges each by the rules in plain words.
import semver from 'semver';
import type { CompileInput } from '../../shared/compile/target.ts';
import type { Release } from '../../shared/schema/release.ts';

export type Versions = Readonly<Record<string, string | null>>;

/** One scenario as the oracle sees it: everything that is released is also offered to everyone. */
export interface World {
  /** Component to version to what it requires and ships. */
  readonly releases: Readonly<
    Record<
      string,
      Readonly<Record<string, { requires: Record<string, string>; ships: Record<string, string> }>>
    >
  >;
  readonly runs: Versions;
  readonly pins: Readonly<Record<string, string>>;
}

export function worldOf(input: CompileInput): World {
  const groups = Map.groupBy(input.catalog.releases, ({ document }) => nameOf(document));
  const releases = Object.fromEntries(
    [...groups].map(([name, group]) => [
      name,
      Object.fromEntries(
        group.map(({ document }) => [
          document.version as string,
          { requires: { ...document.requires }, ships: shipsOf(document) },
        ]),
      ),
    ]),
  );
  const manifest = input.current?.manifest;
  const runs: Record<string, string> = {};
  if (manifest?.platform) runs.platform = manifest.platform.version;
  for (const suite of manifest?.suites ?? []) runs[suite.name] = suite.version;
  for (const one of manifest?.components ?? []) runs[one.component] = one.version;
  const pins = Object.fromEntries(
    input.pins.map((pin) => [pin.level === 'platform' ? 'platform' : pin.name, pin.version]),
  );
  return { releases, runs, pins };
}

/** The best valid combination: platform, suites, capabilities by name, each as high as it can be; null without one. */
export function bestCombination(world: World): Versions | null {
  const valid = combinations(world, namesOf(world), optionsOf).filter((one) => isValid(world, one));
  return valid[0] ?? null;
}

/**
 * Combinations in which nothing is below what runs, every requirement holds and every platform or suite that moves
 * ships what runs then; the ones with the fewest moves first. `forced` components need not be what a parent ships.
 */
export function repairs(
  world: World,
  forced: readonly string[],
  isWanted: (versions: Versions) => boolean,
): readonly Versions[] {
  const all = combinations(world, namesOf(world), (w, name) => {
    const runs = w.runs[name] ?? null;
    const versions = Object.keys(w.releases[name] ?? {});
    return runs === null ? [null, ...versions] : versions.filter((v) => semver.gte(v, runs));
  });
  return all
    .filter((one) => isWanted(one) && requirementsHold(world, one) && movedParentsHold(world, forced, one))
    .toSorted((a, b) => movesIn(world, a) - movesIn(world, b));
}

export function movesIn(world: World, versions: Versions): number {
  return Object.keys(versions).filter((name) => (versions[name] ?? null) !== (world.runs[name] ?? null))
    .length;
}

function movedParentsHold(world: World, forced: readonly string[], chosen: Versions): boolean {
  return Object.entries(chosen).every(([parent, version]) => {
    if (version === (world.runs[parent] ?? null)) return true;
    return Object.entries(releaseOf(world, parent, version)?.ships ?? {}).every(([short, range]) => {
      const child = parent === 'platform' ? short : `${parent}/${short}`;
      return forced.includes(child) || fits(world, child, range, chosen[child] ?? null);
    });
  });
}

function combinations(
  world: World,
  names: readonly string[],
  options: (world: World, name: string) => readonly (string | null)[],
): readonly Versions[] {
  return names.reduce<readonly Versions[]>(
    (partial, name) => partial.flatMap((one) => options(world, name).map((v) => ({ ...one, [name]: v }))),
    [{}],
  );
}

function namesOf(world: World): readonly string[] {
  const capabilities = Object.keys(world.releases).filter((name) => name.includes('/'));
  const suites = Object.keys(world.releases).filter((name) => name !== 'platform' && !name.includes('/'));
  const implied = capabilities.map((name) => name.split('/')[0] ?? '');
  return ['platform', ...[...new Set([...suites, ...implied])].sort(), ...capabilities.sort()];
}

function optionsOf(world: World, name: string): readonly (string | null)[] {
  const runs = world.runs[name] ?? null;
  const versions = Object.keys(world.releases[name] ?? {}).sort(semver.rcompare);
  const isGoverned = governors(name).some((level) => level in world.pins);
  const reachable = versions.filter((v) => runs === null || isGoverned || semver.gte(v, runs));
  const pin = world.pins[name];
  const allowed = pin === undefined ? reachable : reachable.filter((v) => semver.satisfies(v, pin));
  const mayBeAbsent = runs === null && (pin === undefined || name.includes('/'));
  return mayBeAbsent ? [...allowed, null] : allowed;
}

function isValid(world: World, chosen: Versions): boolean {
  return (
    requirementsHold(world, chosen) && Object.keys(chosen).every((name) => shipsHold(world, chosen, name))
  );
}

function requirementsHold(world: World, chosen: Versions): boolean {
  return Object.entries(chosen).every(([name, version]) =>
    Object.entries(releaseOf(world, name, version)?.requires ?? {}).every(([on, range]) => {
      const other = chosen[on] ?? null;
      return other !== null && semver.satisfies(other, range);
    }),
  );
}

function shipsHold(world: World, chosen: Versions, parent: string): boolean {
  if (parent.includes('/')) return true;
  const release = releaseOf(world, parent, chosen[parent] ?? null);
  if (release === undefined) return true;
  return (
    childrenOf(chosen, parent).every((child) => {
      const range = release.ships[child.split('/').at(-1) ?? ''];
      if (range !== undefined) return fits(world, child, range, chosen[child] ?? null);
      const family = [child, ...childrenOf(chosen, child)];
      const isKept = (name: string) =>
        name in world.runs ||
        (!name.includes('/') && childrenOf(chosen, name).some((one) => one in world.runs));
      return isKept(child) || family.every((name) => isKept(name) || (chosen[name] ?? null) === null);
    }) &&
    Object.keys(release.ships).every((short) => {
      const child = parent === 'platform' ? short : `${parent}/${short}`;
      return child in chosen;
    })
  );
}

function fits(world: World, child: string, range: string, version: string | null): boolean {
  if (version === null) return false;
  if (child in world.pins || semver.satisfies(version, range)) return true;
  const isGoverned = governors(child).some((level) => level in world.pins);
  return !isGoverned && version === world.runs[child] && semver.gtr(version, range);
}

function childrenOf(chosen: Versions, parent: string): readonly string[] {
  return Object.keys(chosen).filter((name) =>
    parent === 'platform' ? name !== 'platform' && !name.includes('/') : name.startsWith(`${parent}/`),
  );
}

function governors(name: string): readonly string[] {
  return [name, ...(name.includes('/') ? [name.split('/')[0] ?? ''] : []), 'platform'];
}

function releaseOf(world: World, name: string, version: string | null) {
  return version === null ? undefined : world.releases[name]?.[version];
}

function nameOf(document: Release): string {
  if (document.schema === 'fairlead/platform@1') return 'platform';
  return document.schema === 'fairlead/suite@1' ? document.name : `${document.suite}/${document.name}`;
}

function shipsOf(document: Release): Record<string, string> {
  if (document.schema === 'fairlead/platform@1') return { ...document.suites };
  return document.schema === 'fairlead/suite@1' ? { ...document.capabilities } : {};
}
