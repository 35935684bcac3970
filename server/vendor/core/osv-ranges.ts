// The versions that an OSV record names, as intervals: its events walked in the order of versions, as the specification evaluates them.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import type { Interval } from '../../../shared/version/intervals.ts';
import { isEmpty } from '../../../shared/version/intervals.ts';
import { compareVersions, isVersion, newest, type Version } from '../../../shared/version/version.ts';
import type { OsvAffected, OsvEvent } from './osv-record.ts';

export interface OsvVersions {
  readonly affected: readonly Interval[];
  /** Where ranges end because a version has the fix. */
  readonly fixed: readonly Version[];
  /** Versions in the list that no release of ours can have. */
  readonly foreign: number;
  /** Ranges of commits: they are left out where others say the same. */
  readonly commits: number;
}

/** Says where in the record something stands that cannot be read, and what. Never returns. */
export type Refuse = (field: string, problem: string) => never;

type Kind = 'introduced' | 'fixed' | 'last_affected' | 'limit';

interface Point {
  readonly kind: Kind;
  /** Null is before every version. */
  readonly version: Version | null;
}

const KINDS: readonly Kind[] = ['introduced', 'fixed', 'last_affected', 'limit'];

/** `at` is the entry's place in the record. */
export function readVersions(entry: OsvAffected, at: string, refuse: Refuse): OsvVersions {
  const { ranges, versions } = entry;
  const affected: Interval[] = [];
  const fixed = new Set<Version>();
  const all = ranges ?? [];
  for (const [i, { type, events }] of all.entries()) {
    const field = `${at}.ranges.${i}`;
    if (type === 'GIT') continue;
    if (type !== 'SEMVER' && type !== 'ECOSYSTEM') {
      return refuse(`${field}.type`, `a range of type "${sanitizeLine(type, 50)}" is not known`);
    }
    const points = events.map((event, n) => pointOf(event, `${field}.events.${n}`, refuse));
    affected.push(...walk(points, field, refuse));
    for (const { kind, version } of points) if (kind === 'fixed' && version !== null) fixed.add(version);
  }
  const listed = (versions ?? []).map(withoutBuild);
  const ours = listed.filter(isVersion);
  const commits = all.filter(({ type }) => type === 'GIT').length;
  if (commits === all.length && ours.length === 0) {
    return refuse(at, 'neither a range of semantic versions nor a semantic version says what is affected');
  }
  const single = ours.map((version) => ({ from: version, to: { version, isInside: true } }));
  return {
    affected: [...affected, ...single],
    fixed: [...fixed].toSorted(compareVersions),
    foreign: listed.length - ours.length,
    commits,
  };
}

function pointOf(event: OsvEvent, field: string, refuse: Refuse): Point {
  const [kind, ...others] = KINDS.filter((one) => event[one] !== undefined);
  if (kind === undefined || others.length > 0) {
    return refuse(field, `it must have exactly one of ${KINDS.join(', ')}`);
  }
  const text = withoutBuild(event[kind] ?? '');
  if (kind === 'introduced' && text === '0') return { kind, version: null };
  if (kind === 'limit' && text === '*') return { kind, version: null };
  if (isVersion(text)) return { kind, version: text };
  return refuse(`${field}.${kind}`, `"${sanitizeLine(text, 100)}" is no semantic version`);
}

/** Order leaves build metadata out. */
export function withoutBuild(text: string): string {
  return text.replace(/\+[0-9A-Za-z.-]+$/, '');
}

function walk(points: readonly Point[], field: string, refuse: Refuse): readonly Interval[] {
  const has = (kind: Kind) => points.some((point) => point.kind === kind);
  if (!has('introduced')) return refuse(`${field}.events`, 'no event says where it was introduced');
  if (has('fixed') && has('last_affected')) {
    return refuse(`${field}.events`, 'a range ends with "fixed" or with "last_affected", not with both');
  }
  const intervals: Interval[] = [];
  let open: Interval | null = null;
  for (const { kind, version } of points.filter((point) => point.kind !== 'limit').toSorted(byVersion)) {
    if (kind === 'introduced') open ??= { from: version, to: null };
    else if (open !== null && version !== null) {
      intervals.push({ ...open, to: { version, isInside: kind === 'last_affected' } });
      open = null;
    }
  }
  if (open !== null) intervals.push(open);
  const limit = limitOf(points);
  const below = limit === null ? intervals : intervals.map((interval) => limited(interval, limit));
  return below.filter((one) => !isEmpty(one));
}

function byVersion(a: Point, b: Point): number {
  if (a.version === null || b.version === null)
    return (a.version === null ? 0 : 1) - (b.version === null ? 0 : 1);
  return compareVersions(a.version, b.version);
}

/** A version counts below any of the limits, so below the highest; null where all count. */
function limitOf(points: readonly Point[]): Version | null {
  const limits = points.filter(({ kind }) => kind === 'limit').map(({ version }) => version);
  return limits.includes(null) ? null : (newest(limits.filter((one) => one !== null)) ?? null);
}

function limited(interval: Interval, limit: Version): Interval {
  const { to } = interval;
  const order = to === null ? 1 : compareVersions(to.version, limit);
  const isBelow = order < 0 || (order === 0 && to?.isInside === false);
  return isBelow ? interval : { ...interval, to: { version: limit, isInside: false } };
}
