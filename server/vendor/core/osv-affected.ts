// What an OSV record is about: ranges of components that are released as its packages, and releases that have one inside.
import { count } from '../../../shared/errors/entry.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { isInside, rangesOf } from '../../../shared/version/intervals.ts';
import { compareVersions, type Version } from '../../../shared/version/version.ts';
import { findInside, type InsideVersions, type JudgedRelease } from './osv-inside.ts';
import { componentsOf, labelOf, type PackageName } from './osv-packages.ts';
import { type OsvVersions, type Refuse, readVersions } from './osv-ranges.ts';
import type { OsvRecord } from './osv-record.ts';

interface Known {
  readonly packages: readonly PackageName[];
  readonly releases: readonly JudgedRelease[];
}

/** As an advisory may name. */
const MOST_FIXED = 200;

/** `leftOut` takes what of the record is not taken over. */
export function readAffected(
  record: OsvRecord,
  known: Known,
  refuse: Refuse,
  leftOut: string[],
): Pick<Advisory, 'affected' | 'fixed'> {
  const inside = findInside(known.releases);
  const { named, unknown } = readNamed(record, known, refuse);
  const found = new Map<ComponentKey, (OsvVersions | InsideVersions)[]>();
  for (const [component, versions] of [...inside, ...named]) {
    found.set(component, [...(found.get(component) ?? []), versions]);
  }
  leftOut.push(...describeUnknown(known.releases, inside));
  const names = unknown.slice(0, 5).join(', ');
  if (found.size === 0) {
    const dark = known.releases.filter(({ isKnown }) => !isKnown).length;
    const problem =
      unknown.length === 0
        ? 'it names no package'
        : `no component is known for ${names}, and no release has it inside`;
    const rest = dark === 0 ? '' : ` (of ${count(dark, 'release')} not all is known)`;
    return refuse('affected', `${problem}${rest}: give --package "PACKAGE=SUITE/CAPABILITY"`);
  }
  if (unknown.length > 0)
    leftOut.push(`${count(unknown.length, 'package')} that no component is known for: ${names}`);
  const foreign = named.reduce((sum, [, one]) => sum + one.foreign, 0);
  if (foreign > 0) leftOut.push(`${count(foreign, 'listed version')} that are no semantic versions`);
  const commits = named.reduce((sum, [, one]) => sum + one.commits, 0);
  if (commits > 0) leftOut.push(count(commits, 'range of commits', 'ranges of commits'));
  const most = Math.floor(MOST_FIXED / found.size);
  const all = [...found].map(([component, parts]) => ({ component, ...joined(parts, most) }));
  const tooMany = all.reduce((sum, one) => sum + one.tooMany, 0);
  if (tooMany > 0) leftOut.push(`${count(tooMany, 'fixed version')} beyond ${MOST_FIXED}`);
  return {
    affected: all.flatMap(({ component, affected }) => {
      const ranges = rangesOf(affected);
      if (ranges === null) return refuse('affected', `a range of ${component} is longer than a range may be`);
      return ranges.map((versions) => ({ component, versions }));
    }),
    fixed: all.flatMap(({ component, fixed }) => fixed.map((version) => ({ component, version }))),
  };
}

/** Of each entry about packages that components are released as; and the names of those that nothing is known for. */
function readNamed({ affected }: OsvRecord, { packages, releases }: Known, refuse: Refuse) {
  const foundInside = new Set(releases.flatMap(({ hits }) => hits.map(labelOf)));
  const named: (readonly [ComponentKey, OsvVersions])[] = [];
  const unknown = new Set<string>();
  for (const [i, entry] of (affected ?? []).entries()) {
    const components = componentsOf(entry, packages);
    if (components.length === 0 && !foundInside.has(labelOf(entry))) unknown.add(labelOf(entry));
    if (components.length === 0) continue;
    const versions = readVersions(entry, `affected.${i}`, refuse);
    named.push(...components.map((component) => [component, versions] as const));
  }
  return { named, unknown: [...unknown] };
}

/** What one part calls affected is no fix, whatever another says. Of too many fixes the newest, then the nearest of each range. */
function joined(parts: readonly Pick<OsvVersions, 'affected' | 'fixed'>[], most: number) {
  const affected = parts.flatMap((part) => part.affected);
  const fixed = [...new Set(parts.flatMap((part) => part.fixed))]
    .filter((version) => !affected.some((interval) => isInside(interval, version)))
    .toSorted(compareVersions);
  const nearest = affected.flatMap(
    ({ to }) => fixed.find((version) => to !== null && compareVersions(version, to.version) >= 0) ?? [],
  );
  const byWeight = new Set([...fixed.slice(-1), ...nearest, ...fixed.toReversed()]);
  const kept = [...byWeight].slice(0, most).toSorted(compareVersions);
  return { affected, fixed: kept, tooMany: fixed.length - kept.length };
}

/** What bills do not say, and what that comes to. */
function describeUnknown(
  releases: readonly JudgedRelease[],
  inside: ReadonlyMap<ComponentKey, InsideVersions>,
): readonly string[] {
  const named = (key: 'presumed' | 'passedOver', isWanted: (versions: InsideVersions) => boolean) =>
    [...inside].flatMap(([component, versions]) =>
      isWanted(versions) ? versions[key].map((version: Version) => `${component}@${version}`) : [],
    );
  const presumed = named('presumed', () => true);
  const dark = releases.filter(({ isKnown, hits }) => !isKnown && hits.length === 0).length - presumed.length;
  const lone = named('passedOver', ({ fixed }) => fixed.length === 0);
  const first = (all: readonly string[]) => all.slice(0, 5).join(', ');
  const of = (many: number) => `what is inside of ${count(many, 'release')} of which not all is known`;
  return [
    ...(dark > 0 ? [of(dark)] : []),
    ...(presumed.length > 0
      ? [`${of(presumed.length)}, which counts as affected therefore: ${first(presumed)}`]
      : []),
    ...(lone.length > 0
      ? [
          `${count(lone.length, 'release')} without it that is offered to nobody, or a pre-release: ${first(lone)}; give --fixed`,
        ]
      : []),
  ];
}
