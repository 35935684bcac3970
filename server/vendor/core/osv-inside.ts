// Releases with an affected package inside, by their bills of materials: an advisory about what they are made of is about them.
import { billOfMaterials } from '../../../shared/compile/releases.ts';
import { isJsonObject, type JsonObject } from '../../../shared/encoding/json.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Release } from '../../../shared/schema/release.ts';
import { componentNameOf, type ReleaseRef, refOf } from '../../../shared/schema/release-ref.ts';
import type { Rollout } from '../../../shared/schema/rollout.ts';
import { componentsOf, type Sbom, type SbomComponent } from '../../../shared/schema/sbom.ts';
import type { Interval } from '../../../shared/version/intervals.ts';
import { compareVersions, floorOf, type Version } from '../../../shared/version/version.ts';
import { type EntriesByPackage, type Hits, hitsOf, packageOf } from './osv-ecosystems.ts';

/** A release held against all entries of a record. Neither hit nor known: nobody can say whether it is affected. */
export interface JudgedRelease extends Hits {
  readonly component: ComponentKey;
  readonly version: Version;
  /** Some install may take it, now or in its turn. */
  readonly isOffered: boolean;
}

export interface InsideVersions {
  readonly affected: readonly Interval[];
  readonly fixed: readonly Version[];
  /** Counted as affected because nobody can say that they are not. */
  readonly presumed: readonly Version[];
  /** Known to be without it, and no fix for whoever runs what is affected: not offered, or a pre-release. */
  readonly passedOver: readonly Version[];
}

/** One affected package makes the whole release so, whatever the others are. */
export function judgeBill(entries: EntriesByPackage, bill: Sbom): Hits {
  const parts = componentsOf(bill);
  const judged = parts.map((part) => judgePart(entries, part));
  return {
    hits: [...new Set(judged.flatMap(({ hits }) => hits))],
    isKnown: isWhole(bill, parts) && judged.every(({ isKnown }) => isKnown),
  };
}

function judgePart(entries: EntriesByPackage, part: SbomComponent): Hits {
  const found = packageOf(part);
  if (found !== null) return hitsOf(entries, found);
  // Not every file and application is a package of somebody's; a library is, and without an address it may be any.
  const isPackage = part.purl !== undefined || part.type === 'library' || part.type === 'framework';
  return { hits: [], isKnown: !isPackage };
}

/** Whether what it does not list is not there, as far as whoever made it could see. */
function isWhole({ compositions }: Sbom, parts: readonly SbomComponent[]): boolean {
  const images = new Set(parts.flatMap((one) => (one.type === 'container' ? (one['bom-ref'] ?? []) : [])));
  if (itemsOf(compositions).some((one) => isLacking(one, images))) return false;
  return !parts.some(({ type, components = [], properties }) => {
    const isDark = type === 'container' && components.length === 0;
    return isDark || itemsOf(properties).some(saysUnknown);
  });
}

/** Of an image alone it is always incomplete: what somebody copied into it by hand is in no list. */
function isLacking(
  { aggregate, assemblies, dependencies }: JsonObject,
  images: ReadonlySet<unknown>,
): boolean {
  if (aggregate === 'unknown') return true;
  const about = [assemblies, dependencies].flatMap((refs) => (Array.isArray(refs) ? refs : []));
  const isOfImages = about.length > 0 && about.every((ref) => images.has(ref));
  return String(aggregate).startsWith('incomplete') && !isOfImages;
}

function saysUnknown({ name, value }: { readonly [key: string]: unknown }): boolean {
  return name === 'fairlead:packages' && typeof value === 'string' && value.startsWith('unknown');
}

function itemsOf(list: unknown) {
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

/** Of the components of which a release is affected. */
export function findInside(releases: readonly JudgedRelease[]): ReadonlyMap<ComponentKey, InsideVersions> {
  const found = new Map<ComponentKey, InsideVersions>();
  for (const [component, own] of Map.groupBy(releases, (one) => one.component)) {
    const sorted = own.toSorted((a, b) => compareVersions(a.version, b.version));
    const first = sorted.findIndex(({ hits }) => hits.length > 0);
    // It came in after the last that is known to be without it.
    const before = sorted.slice(0, first).findLastIndex(isClean);
    if (first >= 0) found.set(component, versionsOf(sorted.slice(before + 1)));
  }
  return found;
}

function isClean({ hits, isKnown }: JudgedRelease): boolean {
  return hits.length === 0 && isKnown;
}

/** Lowest first. Whoever reads an advisory takes what it does not name for not affected, so only what is known to be clean stays out. */
function versionsOf(releases: readonly JudgedRelease[]): InsideVersions {
  const affected: { from: Version; to: { version: Version; isInside: boolean } }[] = [];
  const fixed: Version[] = [];
  const passedOver: Version[] = [];
  let isOpen = false;
  let isOfStable = false;
  for (const one of releases) {
    const { version } = one;
    const isPre = version.includes('-');
    const last = affected.at(-1);
    if (isClean(one)) (one.isOffered && (!isPre || !isOfStable) ? fixed : passedOver).push(version);
    else if (isOpen && last !== undefined) last.to = { version, isInside: true };
    else affected.push({ from: version, to: { version, isInside: true } });
    isOpen = !isClean(one);
    // Agents take what an advisory names, whatever their track: nobody moves from a release to a candidate.
    isOfStable ||= isOpen && !isPre;
  }
  const presumed = releases.filter(({ hits, isKnown }) => hits.length === 0 && !isKnown);
  return { affected, fixed, presumed: presumed.map(({ version }) => version), passedOver };
}

/** `core/auth@1.0.1`, whatever the track and the wave. One that was withdrawn wherever it was offered is not, whoever ships it. */
export function offeredOf(releases: readonly Release[], rollouts: readonly Rollout[]): ReadonlySet<string> {
  const known = new Map(releases.map((one) => [nameOf(refOf(one)), one]));
  const standing = new Set(rollouts.filter((one) => !one.withdrawn).map(({ release }) => nameOf(release)));
  const withdrawn = new Set(
    rollouts.map(({ release }) => nameOf(release)).filter((one) => !standing.has(one)),
  );
  const offered = new Set<string>();
  const pending = [...standing];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const document = known.get(name);
    if (document === undefined || withdrawn.has(name) || offered.has(name)) continue;
    offered.add(name);
    // Of a range the floor is offered, and no higher version.
    pending.push(
      ...billOfMaterials({ document }).map(([component, range]) => `${component}@${floorOf(range)}`),
    );
  }
  return offered;
}

function nameOf(ref: ReleaseRef): string {
  return `${componentNameOf(ref)}@${ref.version}`;
}
