// Required stops: releases that may not be skipped on the way up.
import { compareVersions, type Version } from '../version/version.ts';
import type { AnyRelease } from './releases.ts';

/** The lowest required stop above a version. A withdrawn one binds nobody, or nobody could ever pass it. */
export function firstStop(
  newestFirst: readonly AnyRelease[],
  above: Version,
  withdrawn: ReadonlySet<string>,
): AnyRelease | undefined {
  return newestFirst.findLast(
    ({ document, digest }) =>
      document.requiredStop && !withdrawn.has(digest) && compareVersions(document.version, above) > 0,
  );
}
