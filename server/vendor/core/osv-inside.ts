// Releases with an affected package inside, by their bills of materials: an advisory about what they are made of is about them.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { SbomComponent } from '../../../shared/schema/sbom.ts';
import { compareVersions, isVersion, type Version } from '../../../shared/version/version.ts';
import type { OsvVersions } from './osv-ranges.ts';
import type { OsvAffected, OsvEvent } from './osv-record.ts';
import { compareAlpine, compareDebian, type Order } from './sbom/package-versions.ts';

/** A package of a bill, as advisories name it: by its source, where it has one. */
export interface InsidePackage {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  /** `debian-12`, `alpine-3.18.4`; empty where nobody says. */
  readonly distro: string;
}

/** What is inside of a release; null where nobody knows. */
export interface ReleaseContents {
  readonly component: ComponentKey;
  readonly version: Version;
  readonly packages: readonly InsidePackage[] | null;
}

/** https://github.com/package-url/purl-spec; null for what has no address, or one without a version. */
export function packageOf({ purl }: SbomComponent): InsidePackage | null {
  const [, type = '', path = '', version = '', query = ''] =
    /^pkg:([a-z]+)\/([^@?#]+)@([^?#]+)(?:\?([^#]*))?/.exec(purl ?? '') ?? [];
  const words = new URLSearchParams(query.replaceAll('+', '%2B'));
  const [source = '', sourceVersion] = (words.get('upstream') ?? '').split('@');
  const parts = path.split('/').map(decoded);
  const own = decoded(version);
  if (parts.includes(null) || own === null || version === '') return null;
  const name = type === 'npm' ? parts.join('/') : (parts.at(-1) ?? '');
  const isBuilt = source !== '' && (type === 'deb' || type === 'apk');
  return {
    ...{ type, distro: words.get('distro') ?? '' },
    ...{ name: isBuilt ? source : name, version: isBuilt ? (sourceVersion ?? own) : own },
  };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

interface Ecosystem {
  readonly type: string;
  /** As OSV writes the release of a distribution that a purl names. */
  release(distro: string): string;
  readonly order: Order | null;
}

const ECOSYSTEMS: Readonly<Record<string, Ecosystem>> = {
  npm: { type: 'npm', release: () => '', order: null },
  Debian: { type: 'deb', release: (distro) => after('debian-', distro), order: compareDebian },
  Ubuntu: { type: 'deb', release: (distro) => after('ubuntu-', distro), order: compareDebian },
  Alpine: {
    type: 'apk',
    release: (distro) => after('alpine-', distro).replace(/^(\d+\.\d+).*$/, 'v$1'),
    order: compareAlpine,
  },
};

function after(start: string, text: string): string {
  return text.startsWith(start) ? text.slice(start.length) : '';
}

/** Whether an entry is about a package, whatever its version. */
export function isAbout({ package: named }: OsvAffected, one: InsidePackage): boolean {
  const [base = '', ...release] = (named?.ecosystem ?? '').split(':');
  const known = Object.hasOwn(ECOSYSTEMS, base) ? ECOSYSTEMS[base] : undefined;
  if (known === undefined || known.type !== one.type || named?.name !== one.name) return false;
  // `Ubuntu:22.04:LTS` is the release; `Ubuntu:Pro:…` has packages of its own.
  if (release.length === 0) return known.type === 'npm' || known.release(one.distro) !== '';
  return known.release(one.distro) === release[0];
}

/** By component: which of its releases have what the entry is about, and which were the first without. */
export function findInside(
  entry: OsvAffected,
  releases: readonly ReleaseContents[],
): ReadonlyMap<ComponentKey, OsvVersions> {
  const found = new Map<ComponentKey, OsvVersions>();
  const components = new Set(releases.map(({ component }) => component));
  for (const component of components) {
    const own = releases
      .filter((one) => one.component === component)
      .toSorted((a, b) => compareVersions(a.version, b.version));
    const versions = versionsOf(entry, own);
    if (versions.affected.length > 0) found.set(component, versions);
  }
  return found;
}

/** Lowest first. Between two releases that have it, nothing was released that has not. */
function versionsOf(entry: OsvAffected, releases: readonly ReleaseContents[]): OsvVersions {
  const affected: { from: Version; to: { version: Version; isInside: boolean } }[] = [];
  const fixed: Version[] = [];
  let isOpen = false;
  let isWaiting = false;
  for (const { version, packages } of releases) {
    const about = packages?.filter((one) => isAbout(entry, one)) ?? [];
    const has = about.some((one) => isAffected(entry, one));
    const last = affected.at(-1);
    if (has && isOpen && last !== undefined) last.to = { version, isInside: true };
    else if (has) affected.push({ from: version, to: { version, isInside: true } });
    // One that has none at all may only be one of which less is known.
    else if (isWaiting && about.length > 0) fixed.push(version);
    isWaiting = has || (isWaiting && about.length === 0);
    isOpen = has;
  }
  return { affected, fixed, foreign: 0, commits: 0 };
}

/** As the specification of OSV evaluates it. A version that nobody can order counts from the first on, and where it is listed. */
export function isAffected({ package: named, ranges, versions }: OsvAffected, one: InsidePackage): boolean {
  if (versions?.includes(one.version) === true) return true;
  const base = (named?.ecosystem ?? '').split(':')[0] ?? '';
  const order = (Object.hasOwn(ECOSYSTEMS, base) ? ECOSYSTEMS[base]?.order : null) ?? compareSemantic;
  return (ranges ?? []).some(({ type, events }) => type !== 'GIT' && isWithin(events, one.version, order));
}

const compareSemantic: Order = (a, b) => (isVersion(a) && isVersion(b) ? compareVersions(a, b) : Number.NaN);

function isWithin(events: readonly OsvEvent[], version: string, order: Order): boolean {
  const from = (at: string) => at === '0' || order(version, at) >= 0;
  const limits = events.flatMap(({ limit }) => limit ?? []);
  if (limits.length > 0 && !limits.some((limit) => limit === '*' || !from(limit))) return false;
  const at = ({ introduced, fixed, last_affected: last }: OsvEvent) => introduced ?? fixed ?? last ?? '0';
  const sorted = events
    .filter(({ limit }) => limit === undefined)
    .toSorted((a, b) => (at(a) === '0' ? -1 : at(b) === '0' ? 1 : order(at(a), at(b))));
  let inside = false;
  for (const { introduced, fixed, last_affected: last } of sorted) {
    if (introduced !== undefined && from(introduced)) inside = true;
    if (fixed !== undefined && from(fixed)) inside = false;
    if (last !== undefined && order(version, last) > 0) inside = false;
  }
  return inside;
}
