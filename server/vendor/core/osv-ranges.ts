// The versions that an OSV record names, as intervals: its events walked in the order of versions, as the specification evaluates them.
import type { Interval } from '../../../shared/version/intervals.ts';
import { isEmpty, isInside } from '../../../shared/version/intervals.ts';
import { compareVersions, isVersion, type Version } from '../../../shared/version/version.ts';
import type { OsvAffected, OsvEvent } from './osv-record.ts';

export interface OsvVersions {
  readonly affected: readonly Interval[];
  /** Where ranges end because a version has the fix. */
  readonly fixed: readonly Version[];
  /** Versions in the list that no release of ours can have. */
  readonly foreign: number;
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

/** Ranges of commits are left out where others say the same; `at` is the entry's place in the record. */
export function readVersions(entry: OsvAffected, at: string, refuse: Refuse): OsvVersions {
  const { ranges, versions } = entry;
  const affected: Interval[] = [];
  const fixed = new Set<Version>();
  let hasRange = false;
  for (const [i, { type, events }] of (ranges ?? []).entries()) {
    const field = `${at}.ranges.${i}`;
    if (type === 'GIT') continue;
    if (type !== 'SEMVER' && type !== 'ECOSYSTEM') {
      return refuse(`${field}.type`, `a range of type "${type}" is not known`);
    }
    hasRange = true;
    const points = events.map((event, n) => pointOf(event, `${field}.events.${n}`, refuse));
    affected.push(...walk(points, field, refuse));
    for (const { kind, version } of points) if (kind === 'fixed' && version !== null) fixed.add(version);
  }
  const listed = (versions ?? []).map(withoutBuild);
  const ours = listed.filter(isVersion);
  if (!hasRange && ours.length === 0) {
    return refuse(at, 'neither a range of semantic versions nor a semantic version says what is affected');
  }
  const beyond = new Set(ours.filter((version) => !affected.some((one) => isInside(one, version))));
  const single = [...beyond].toSorted(compareVersions);
  return {
    affected: [...affected, ...single.map((version) => ({ from: version, to: { version, isInside: true } }))],
    fixed: [...fixed].toSorted(compareVersions),
    foreign: listed.length - ours.length,
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
  return refuse(`${field}.${kind}`, `"${text}" is no semantic version`);
}

/** Order leaves build metadata out. */
function withoutBuild(text: string): string {
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
  return intervals.flatMap((interval) => limited(interval, points)).filter((one) => !isEmpty(one));
}

function byVersion(a: Point, b: Point): number {
  if (a.version === null || b.version === null)
    return (a.version === null ? 0 : 1) - (b.version === null ? 0 : 1);
  return compareVersions(a.version, b.version);
}

/** A version counts below any of the limits, so below the highest. */
function limited(interval: Interval, points: readonly Point[]): readonly Interval[] {
  const limits = points.filter(({ kind }) => kind === 'limit');
  if (limits.length === 0 || limits.some(({ version }) => version === null)) return [interval];
  const [highest] = limits.flatMap(({ version }) => version ?? []).toSorted((a, b) => compareVersions(b, a));
  if (highest === undefined) return [interval];
  const { to } = interval;
  const isBelow =
    to !== null &&
    (to.isInside ? compareVersions(to.version, highest) < 0 : compareVersions(to.version, highest) <= 0);
  return [isBelow ? interval : { ...interval, to: { version: highest, isInside: false } }];
}
