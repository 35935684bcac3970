// Ranges as intervals of the order of versions, as other programs write them; pre-releases count by their order alone.
import semver from 'semver';
import { compareVersions, MAX_RANGE, type Range, type Version } from './version.ts';

export interface Interval {
  /** The lowest version inside; null for all from the first on. */
  readonly from: Version | null;
  /** Null for all that follow. */
  readonly to: { readonly version: Version; readonly isInside: boolean } | null;
}

/** What `covers` says of a range, one interval for each part of a union that admits anything. */
export function intervalsOf(range: Range): readonly Interval[] {
  const { set } = new semver.Range(range, { includePrerelease: true });
  return set.flatMap((comparators) => {
    const all = comparators.reduce<Interval>(narrowed, { from: null, to: null });
    return isEmpty(all) ? [] : [all];
  });
}

/** As few ranges as hold them all, lowest first; null where a single one is too long. */
export function rangesOf(intervals: readonly Interval[]): readonly Range[] | null {
  const ranges: string[] = [];
  for (const interval of merged(intervals)) {
    const text = textOf(interval);
    if (text.length > MAX_RANGE) return null;
    const joined = `${ranges.at(-1)} || ${text}`;
    if (ranges.length > 0 && joined.length <= MAX_RANGE) ranges.splice(-1, 1, joined);
    else ranges.push(text);
  }
  return ranges as Range[];
}

/** Lowest first, none that overlaps another or ends where another begins. */
function merged(intervals: readonly Interval[]): readonly Interval[] {
  const all: Interval[] = [];
  for (const next of intervals.filter((one) => !isEmpty(one)).toSorted(byStart)) {
    const last = all.at(-1);
    if (last === undefined || isBefore(last, next)) all.push(next);
    else if (isLonger(next, last)) all.splice(-1, 1, { ...last, to: next.to });
  }
  return all;
}

function byStart({ from: a }: Interval, { from: b }: Interval): number {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  return compareVersions(a, b);
}

function isBefore({ to }: Interval, { from }: Interval): boolean {
  return to !== null && from !== null && compareVersions(to.version, from) < 0;
}

function isLonger({ to: a }: Interval, { to: b }: Interval): boolean {
  if (a === null || b === null) return b !== null;
  const order = compareVersions(a.version, b.version);
  return order > 0 || (order === 0 && a.isInside);
}

export function isInside({ from, to }: Interval, version: Version): boolean {
  if (from !== null && semver.lt(version, from)) return false;
  if (to === null) return true;
  return to.isInside ? semver.lte(version, to.version) : semver.lt(version, to.version);
}

export function isEmpty({ from, to }: Interval): boolean {
  return to !== null && !isInside({ from, to }, from ?? LOWEST);
}

const LOWEST = '0.0.0-0' as Version;

function narrowed(interval: Interval, { operator, semver: bound, value }: semver.Comparator): Interval {
  // A comparator that allows anything has no version.
  if (value === '') return interval;
  const version = bound.version as Version;
  switch (operator) {
    case '>=':
      return from(interval, version);
    case '>':
      return from(interval, rightAfter(bound));
    case '<':
      return to(interval, version, false);
    case '<=':
      return to(interval, version, true);
    default:
      return to(from(interval, version), version, true);
  }
}

function from(interval: Interval, version: Version): Interval {
  const isLower = interval.from !== null && semver.lte(version, interval.from);
  return isLower ? interval : { ...interval, from: version };
}

function to(interval: Interval, version: Version, isInside: boolean): Interval {
  const order = interval.to === null ? -1 : semver.compare(version, interval.to.version);
  if (order > 0 || (order === 0 && isInside)) return interval;
  return { ...interval, to: { version, isInside } };
}

/** Between a pre-release and that with a zero behind it there is none, nor between a version and the first pre-release of the next. */
function rightAfter({ major, minor, patch, prerelease, version }: semver.SemVer): Version {
  return (prerelease.length > 0 ? `${version}.0` : `${major}.${minor}.${patch + 1}-0`) as Version;
}

function textOf({ from, to }: Interval): string {
  const bounds = [
    ...(from === null ? [] : [`>=${from}`]),
    ...(to === null ? [] : [`${to.isInside ? '<=' : '<'}${to.version}`]),
  ];
  if (from !== null && to?.isInside === true && from === to.version) return from;
  return bounds.length === 0 ? '*' : bounds.join(' ');
}
