// The releases of a catalog by component, newest first: taken apart once, and each version read once.

import { eachIn, type Pieces, sorted } from '../encoding/pieces.ts';
import type { Release } from '../schema/release.ts';
import { type ComponentName, componentNameOf, type ReleaseRef, refOf } from '../schema/release-ref.ts';
import { numberOf } from '../version/numbers.ts';
import { compareVersions, type Version } from '../version/version.ts';
import type { AnyRelease } from './releases.ts';

export interface ReleaseIndex {
  /** Newest first; empty for a component without releases. */
  of(component: ComponentName): readonly AnyRelease[];
  find(component: ComponentName, version: Version): AnyRelease | undefined;
  readonly components: readonly ComponentName[];
  /** Those that are required stops, newest first. */
  stopsOf(component: ComponentName): readonly AnyRelease[];
  /** Where a release stands among all: those of a component side by side, newest first. -1 where there is none. */
  positionOf(component: ComponentName, version: Version): number;
  /** By position. */
  readonly all: readonly AnyRelease[];
}

/** A catalog is asked many questions before the next one comes. */
const indexes = new WeakMap<readonly AnyRelease[], ReleaseIndex>();

export function* indexReleases(releases: readonly AnyRelease[]): Pieces<ReleaseIndex> {
  const known = indexes.get(releases);
  if (known !== undefined) return known;
  const lines = new Map<ComponentName, Line>();
  const all: AnyRelease[] = [];
  for (const [component, group] of yield* groupsOf(releases)) {
    const line = yield* inLine(group, all.length);
    lines.set(component, line);
    yield* eachIn(line.releases, (release) => all.push(release));
  }
  const index = createIndex(lines, all);
  indexes.set(releases, index);
  return index;
}

/** The releases of one component, in any order. */
interface Group {
  readonly releases: AnyRelease[];
  /** Their versions; NaN where one has none. */
  readonly numbers: number[];
  hasStop: boolean;
}

/** By component. All that is asked of a document is asked of it here: each look at one of a long list waits for the memory. */
function* groupsOf(releases: readonly AnyRelease[]): Pieces<ReadonlyMap<ComponentName, Group>> {
  const groups = new Map<ComponentName, Group>();
  const nameOf = createNaming();
  yield* eachIn(releases, (release) => {
    const { document } = release;
    const component = nameOf(document);
    let group = groups.get(component);
    if (group === undefined) {
      group = { releases: [], numbers: [], hasStop: false };
      groups.set(component, group);
    }
    group.releases.push(release);
    group.numbers.push(numberOf(document.version) ?? Number.NaN);
    group.hasStop ||= document.requiredStop;
  });
  return groups;
}

/** A platform has neither, a suite is of none. */
type Named = { readonly suite?: string; readonly name?: string } & (Release | ReleaseRef);

/** Most documents stand beside others of their component, whose name need not be put together again. */
export function createNaming(): (of: Named) => ComponentName {
  let suite: string | undefined;
  let name: string | undefined;
  let component: ComponentName = 'platform';
  return (of) => {
    if (of.name === name && of.suite === suite) return component;
    ({ suite, name } = of);
    component = componentNameOf('kind' in of ? of : refOf(of));
    return component;
  };
}

/** The releases of one component. */
interface Line {
  /** The position of the first. */
  readonly start: number;
  /** Newest first. */
  readonly releases: readonly AnyRelease[];
  readonly stops: readonly AnyRelease[];
  /** Their versions; null where one of them has none. */
  readonly numbers: readonly number[] | null;
}

// Ties cannot happen in one repository; the digest decides them so that no order of input ever can.
function* inLine({ releases: group, numbers, hasStop }: Group, start: number): Pieces<Line> {
  const isNumbered = !numbers.some(Number.isNaN);
  const versionAt = (at: number) => (group[at] as AnyRelease).document.version;
  const compare = isNumbered
    ? (a: number, b: number) => (numbers[b] as number) - (numbers[a] as number)
    : (a: number, b: number) => compareVersions(versionAt(b), versionAt(a));
  const digestAt = (at: number) => (group[at] as AnyRelease).digest;
  const order = yield* sorted(
    [...group.keys()],
    (a, b) => compare(a, b) || (digestAt(a) < digestAt(b) ? -1 : 1),
  );
  const kept = order.filter((at, i) => i === 0 || compare(at, order[i - 1] as number) !== 0);
  const releases = kept.map((at) => group[at] as AnyRelease);
  return {
    start,
    releases,
    stops: hasStop ? releases.filter(({ document }) => document.requiredStop) : [],
    numbers: isNumbered ? kept.map((at) => numbers[at] as number) : null,
  };
}

function createIndex(lines: ReadonlyMap<ComponentName, Line>, all: readonly AnyRelease[]): ReleaseIndex {
  const positionOf = (component: ComponentName, version: Version) => {
    const line = lines.get(component);
    const at = line === undefined ? -1 : indexOf(line, version);
    return line === undefined || at < 0 ? -1 : line.start + at;
  };
  return {
    of: (component) => lines.get(component)?.releases ?? [],
    find: (component, version) => all[positionOf(component, version)],
    components: [...lines.keys()].sort(),
    stopsOf: (component) => lines.get(component)?.stops ?? [],
    positionOf,
    all,
  };
}

/** Halves what is left until it is found: no table of versions is made, most of which nobody asks for. */
function indexOf({ releases, numbers }: Line, version: Version): number {
  const number = numbers === null ? null : numberOf(version);
  if (numbers !== null && number === null) return -1;
  let [from, to] = [0, releases.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const order =
      number === null
        ? compareVersions((releases[middle] as AnyRelease).document.version, version)
        : ((numbers as readonly number[])[middle] as number) - number;
    if (order === 0) return middle;
    if (order > 0) from = middle + 1;
    else to = middle;
  }
  return -1;
}
