// From which releases patches lead to a new one: the last before it, and what most installs are seen to run.
import type { Digest } from '../../../shared/encoding/digest.ts';
import { compareVersions, type Version } from '../../../shared/version/version.ts';

/** What patches a person wants. */
export interface PatchWish {
  /** From so many releases before each; none at all with 0. */
  readonly most: number;
  /** As small as can be, however long it takes. */
  readonly small: boolean;
  /** Also to the newest release of each component that was published before. */
  readonly newest: boolean;
}

export const USUAL_PATCHES: PatchWish = { most: 3, small: false, newest: false };

/** A release of a capability as the signed metadata lists it. */
export interface ListedRelease {
  readonly component: string;
  readonly version: Version;
  readonly path: string;
  readonly digest: Digest;
}

/** Of the versions that installs run, beyond the last ones. */
const MOST_RUNNING = 5;

/** The nearest version before first, then what most installs run. */
export function selectStarts(
  to: Pick<ListedRelease, 'component' | 'version'>,
  known: readonly ListedRelease[],
  installs: (version: Version) => number,
  most: number,
): readonly ListedRelease[] {
  const others = known.filter(
    ({ component, version }) => component === to.component && version !== to.version,
  );
  const before = others
    .filter(({ version }) => compareVersions(version, to.version) < 0)
    .toSorted((a, b) => compareVersions(b.version, a.version));
  const running = others
    .filter(({ version }) => installs(version) > 0)
    .toSorted((a, b) => installs(b.version) - installs(a.version));
  return [...new Set([...before.slice(0, most), ...running.slice(0, MOST_RUNNING)])];
}

/** The highest version of each component. */
export function newestOfEach(known: readonly ListedRelease[]): readonly ListedRelease[] {
  const newest = new Map<string, ListedRelease>();
  for (const one of known) {
    const best = newest.get(one.component);
    if (best === undefined || compareVersions(best.version, one.version) < 0) newest.set(one.component, one);
  }
  return [...newest.values()];
}
