// A package of a bill of materials held against the entries of an OSV record: how advisories name it, and whether its version is affected.
import type { SbomComponent } from '../../../shared/schema/sbom.ts';
import { compareVersions, isVersion } from '../../../shared/version/version.ts';
import type { OsvAffected, OsvEvent, OsvRecord } from './osv-record.ts';
import { compareAlpine, compareDebian, type Order } from './sbom/package-versions.ts';

/** A package of a bill, as advisories name it: by its source, where it has one. */
export interface InsidePackage {
  readonly type: string;
  readonly name: string;
  /** Null where its address has none. */
  readonly version: string | null;
  /** `debian`; empty for what is of none. */
  readonly distribution: string;
  /** Of the distribution, as whoever made the bill writes it: `12`, `12.4`; empty where nobody says. */
  readonly release: string;
}

/** https://github.com/package-url/purl-spec; null for what has no address, or one that cannot be read. */
export function packageOf({ purl }: SbomComponent): InsidePackage | null {
  const [, type, path = '', version = '', query = ''] =
    /^pkg:([a-z][a-z0-9.+-]*)\/([^@?#]+)(?:@([^?#]*))?(?:\?([^#]*))?/.exec(purl ?? '') ?? [];
  const words = new URLSearchParams(query.replaceAll('+', '%2B'));
  // Slashes more than it takes mean nothing.
  const parts = path
    .split('/')
    .filter((one) => one !== '')
    .map(decoded);
  const readable = decoded(version);
  if (type === undefined || parts.length === 0 || parts.includes(null) || readable === null) return null;
  const own = readable === '' ? null : readable;
  const name = parts.at(-1) ?? '';
  if (type !== 'deb' && type !== 'apk') {
    return { type, name: parts.join('/'), version: own, distribution: '', release: '' };
  }
  const [source = '', sourceVersion] = (words.get('upstream') ?? '').split('@');
  return {
    type,
    ...(source === '' ? { name, version: own } : { name: source, version: sourceVersion ?? own }),
    ...distributionOf(parts.at(-2) ?? '', words.get('distro') ?? ''),
  };
}

/** `debian-12.4`, or `12.4` alone: then the namespace says of what. */
function distributionOf(namespace: string, distro: string): Pick<InsidePackage, 'distribution' | 'release'> {
  const [, distribution, release = ''] = /^([a-z]+)-(\d.*)$/.exec(distro) ?? [];
  if (distribution !== undefined) return { distribution, release };
  return { distribution: namespace, release: /^\d/.test(distro) ? distro : '' };
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
  readonly distribution: string;
  /** What of the name of its release tells packages apart. */
  readonly release: RegExp | null;
  readonly order: Order;
}

const compareSemantic: Order = (a, b) => (isVersion(a) && isVersion(b) ? compareVersions(a, b) : Number.NaN);

const ECOSYSTEMS: ReadonlyMap<string, Ecosystem> = new Map([
  ['npm', { type: 'npm', distribution: '', release: null, order: compareSemantic }],
  // A point release has the packages of its major one.
  ['Debian', { type: 'deb', distribution: 'debian', release: /^(\d+)(?:\.\d+)*$/, order: compareDebian }],
  [
    'Ubuntu',
    { type: 'deb', distribution: 'ubuntu', release: /^(\d+\.\d+)(?:\.\d+)*$/, order: compareDebian },
  ],
  [
    'Alpine',
    { type: 'apk', distribution: 'alpine', release: /^v?(\d+\.\d+)(?:\.\d+)*$/, order: compareAlpine },
  ],
]);

/** The entries about packages that are found in bills, by type and name of the package. */
export type EntriesByPackage = ReadonlyMap<string, readonly OsvAffected[]>;

export function entriesOf({ affected }: Pick<OsvRecord, 'affected'>): EntriesByPackage {
  const known = (affected ?? []).filter((entry) => ecosystemOf(entry).known !== undefined);
  return Map.groupBy(known, (entry) => `${ecosystemOf(entry).known?.type}/${entry.package?.name}`);
}

export interface Hits {
  /** Those that say the package is affected. */
  readonly hits: readonly OsvAffected[];
  /** False where one of the others may: nobody says which version the package is or for which release of the distribution. */
  readonly isKnown: boolean;
}

export function hitsOf(entries: EntriesByPackage, one: InsidePackage): Hits {
  const judged = (entries.get(`${one.type}/${one.name}`) ?? []).map((entry) => {
    const both = [isAbout(entry, one), isAffected(entry, one)];
    return { entry, verdict: both.includes(false) ? false : both.includes(null) ? null : true };
  });
  return {
    hits: judged.filter(({ verdict }) => verdict === true).map(({ entry }) => entry),
    isKnown: !judged.some(({ verdict }) => verdict === null),
  };
}

/** Whether an entry is about a package of its name, whatever its version; null where nobody can tell. */
function isAbout(entry: OsvAffected, one: InsidePackage): boolean | null {
  const { known, release } = ecosystemOf(entry);
  if (known === undefined || known.distribution !== one.distribution) return false;
  if (release === undefined) return true;
  // `Ubuntu:22.04:LTS` is the release; `Ubuntu:Pro:…` has packages of its own.
  const wanted = known.release?.exec(release)?.[1];
  if (wanted === undefined) return false;
  const own = known.release?.exec(one.release)?.[1];
  return own === undefined ? null : own === wanted;
}

function ecosystemOf({ package: named }: OsvAffected) {
  const [base = '', release] = (named?.ecosystem ?? '').split(':');
  return { known: ECOSYSTEMS.get(base), release };
}

/** As the specification of OSV evaluates it; null where nobody can tell. */
function isAffected(entry: OsvAffected, { version }: InsidePackage): boolean | null {
  if (version === null) return null;
  const { ranges, versions } = entry;
  if (versions?.includes(version) === true) return true;
  const order = ecosystemOf(entry).known?.order ?? compareSemantic;
  const verdicts = (ranges ?? [])
    .filter(({ type }) => type !== 'GIT')
    .map(({ events }) => isWithin(events, version, order));
  return verdicts.includes(true) ? true : verdicts.includes(null) ? null : false;
}

/** Where a version cannot be ordered, what began at the first one is about it, and of the rest nobody can tell. */
function isWithin(events: readonly OsvEvent[], version: string, order: Order): boolean | null {
  const from = (at: string) => at === '0' || order(version, at) >= 0;
  const limits = events.flatMap(({ limit }) => limit ?? []);
  if (limits.length > 0 && !limits.some((limit) => limit === '*' || !from(limit))) return false;
  const at = ({ introduced, fixed, last_affected: last }: OsvEvent) => introduced ?? fixed ?? last ?? '0';
  const isOrdered = events.every(
    (one) => one.limit !== undefined || at(one) === '0' || !Number.isNaN(order(version, at(one))),
  );
  if (!isOrdered) return events.some(({ introduced }) => introduced === '0') ? true : null;
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
