// Versions and ranges: semver behind one file, every text parsed once.
import semver from 'semver';
import { FairleadError } from '../errors/error.ts';
import { numberOf, type Stretches, stretchesOf } from './numbers.ts';

/** A semantic version in its canonical spelling. */
export type Version = string & { readonly __brand: 'Version' };
/** A semver range as written. */
export type Range = string & { readonly __brand: 'Range' };

// Comparing strings parses both each time: a large catalog then spends its time in the parser.
const versions = new Map<string, semver.SemVer>();
const ranges = new Map<string, semver.Range>();
const openRanges = new Map<string, semver.Range>();
const floors = new Map<string, Version | null>();
const stretches = new Map<string, Stretches | null>();
const MAX_CACHED = 200_000;
const WITH_PRERELEASES = { includePrerelease: true };

export function isVersion(text: string): text is Version {
  return semver.valid(text) === text;
}

/** In characters. */
export const MAX_RANGE = 256;

export function isRange(text: string): text is Range {
  return text.length <= MAX_RANGE && semver.validRange(text) !== null;
}

/** Error: version/invalid for anything but the canonical spelling: no `v`, no blanks, no build metadata. */
export function parseVersion(text: string): Version {
  if (!isVersion(text)) throw new FairleadError('version/invalid', { value: text });
  return text;
}

/** Error: version/invalid-range. */
export function parseRange(text: string): Range {
  if (!isRange(text)) throw new FairleadError('version/invalid-range', { value: text });
  return text;
}

/** Negative, zero or positive, as sort wants it. */
export function compareVersions(a: Version, b: Version): number {
  if (a === b) return 0;
  const [m, n] = [numberOf(a), numberOf(b)];
  return m === null || n === null ? semver.compare(parsed(a), parsed(b)) : Math.sign(m - n);
}

export function newest(candidates: readonly Version[]): Version | undefined {
  return candidates.reduce<Version | undefined>(
    (best, v) => (best === undefined || compareVersions(v, best) > 0 ? v : best),
    undefined,
  );
}

/** A pre-release satisfies a range only where the range names one of the same version. */
export function satisfies(version: Version, range: Range): boolean {
  const number = numberOf(version);
  const admitted = number === null ? null : stretchesFor(range);
  if (number === null || admitted === null) return parsedRange(range).test(parsed(version));
  return admitted.holds(number);
}

/** As `satisfies`, and pre-releases count by their order alone: a beta of an affected version is affected. */
export function covers(range: Range, version: Version): boolean {
  const read =
    openRanges.get(range) ?? remember(openRanges, range, new semver.Range(range, WITH_PRERELEASES));
  return read.test(parsed(version));
}

/** The lowest version a range admits, released or not; null for a range that admits none. */
export function floorOf(range: Range): Version | null {
  const known = floors.get(range);
  return known === undefined ? remember(floors, range, lowestAdmitted(parsedRange(range), null)) : known;
}

/** Higher than everything the range admits, as `satisfies` judges; false for a range that admits nothing. */
export function isAbove(version: Version, range: Range): boolean {
  return floorOf(range) !== null && lowestAdmitted(parsedRange(range), parsed(version)) === null;
}

/** Lower than everything the range admits, as `satisfies` judges; false for a range that admits nothing. */
export function isBelow(version: Version, range: Range): boolean {
  const floor = floorOf(range);
  return floor !== null && compareVersions(version, floor) < 0;
}

/**
 * What a range admits begins at one of few places: at a bound of it, right after one, where the pre-releases of a bound's
 * version begin, or at `from` itself. Unions are looked at part by part.
 */
function lowestAdmitted(range: semver.Range, from: semver.SemVer | null): Version | null {
  const admitted = range.set
    .flatMap((comparators) => placesOf(comparators, from))
    .filter((place) => range.test(place) && (from === null || semver.compare(place, from) >= 0));
  return (semver.sort(admitted)[0]?.version ?? null) as Version | null;
}

function placesOf(comparators: readonly semver.Comparator[], from: semver.SemVer | null): semver.SemVer[] {
  // A comparator that allows anything has no version.
  const bounds = comparators.flatMap((one) => (one.value === '' ? [] : [one.semver]));
  // What comes right after a pre-release is that with a zero behind it; of any other version it is none, and is left out.
  const places = bounds.flatMap(({ major, minor, patch, version }) => [
    version,
    `${version}.0`,
    `${major}.${minor}.${patch + 1}`,
    `${major}.${minor}.${patch}-0`,
  ]);
  const since = from === null ? [] : [from.version, `${from.major}.${from.minor}.${from.patch}`];
  return [...new Set(['0.0.0', ...places, ...since])].flatMap((text) => semver.parse(text) ?? []);
}

export function majorOf(version: Version): number {
  return parsed(version).major;
}

export function minorOf(version: Version): number {
  return parsed(version).minor;
}

function parsed(version: Version): semver.SemVer {
  return versions.get(version) ?? remember(versions, version, new semver.SemVer(version));
}

function stretchesFor(range: Range): Stretches | null {
  const known = stretches.get(range);
  return known === undefined ? remember(stretches, range, stretchesOf(parsedRange(range))) : known;
}

function parsedRange(range: Range): semver.Range {
  return ranges.get(range) ?? remember(ranges, range, new semver.Range(range));
}

function remember<Value>(known: Map<string, Value>, text: string, value: Value): Value {
  if (known.size >= MAX_CACHED) known.clear();
  known.set(text, value);
  return value;
}
