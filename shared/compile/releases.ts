// The catalog: every verified document an instance may choose from, and its releases by name.

import type { Digest } from '../encoding/digest.ts';
import type { EpochMs } from '../encoding/instant.ts';
import { mapped, type Pieces, sorted } from '../encoding/pieces.ts';
import type { Advisory } from '../schema/advisory.ts';
import type { AdvisoryDetails } from '../schema/advisory-details.ts';
import type { Classes } from '../schema/classes.ts';
import type { OrderTerms } from '../schema/order-terms.ts';
import type { CapabilityRelease, Release, Verified } from '../schema/release.ts';
import { type ComponentName, componentNameOf, refOf } from '../schema/release-ref.ts';
import type { Halt, Rollout } from '../schema/rollout.ts';
import type { TargetNotes } from '../trust/target-notes.ts';
import { compareVersions, type Version } from '../version/version.ts';

export type AnyRelease = Verified<Release>;

export interface ReleaseIndex {
  /** Newest first; empty for a component without releases. */
  of(component: ComponentName): readonly AnyRelease[];
  find(component: ComponentName, version: Version): AnyRelease | undefined;
  readonly components: readonly ComponentName[];
}

/** A catalog is asked many questions before the next one comes. */
const indexes = new WeakMap<readonly AnyRelease[], ReleaseIndex>();

export function* indexReleases(releases: readonly AnyRelease[]): Pieces<ReleaseIndex> {
  const known = indexes.get(releases);
  if (known !== undefined) return known;
  const names = yield* mapped(releases, (release) => componentNameOf(refOf(release.document)));
  let at = 0;
  const groups = Map.groupBy(releases, () => names[at++] as ComponentName);
  const byName = new Map<ComponentName, readonly AnyRelease[]>();
  const byVersion = new Map<ComponentName, ReadonlyMap<Version, AnyRelease>>();
  for (const [component, group] of groups) {
    const newest = yield* newestFirst(group);
    byName.set(component, newest);
    byVersion.set(
      component,
      new Map(yield* mapped(newest, (release) => [release.document.version, release])),
    );
  }
  const index: ReleaseIndex = {
    of: (component) => byName.get(component) ?? [],
    find: (component, version) => byVersion.get(component)?.get(version),
    components: [...byName.keys()].sort(),
  };
  indexes.set(releases, index);
  return index;
}

export function isCapability(release: AnyRelease): release is Verified<CapabilityRelease> {
  return release.document.schema === 'fairlead/capability@1';
}

// Ties cannot happen in one repository; the digest decides them so that no order of input ever can.
function* newestFirst(group: readonly AnyRelease[]): Pieces<readonly AnyRelease[]> {
  const all = yield* sorted(
    group,
    (a, b) => compareVersions(b.document.version, a.document.version) || (a.digest < b.digest ? -1 : 1),
  );
  return all.filter((one, i) => one.document.version !== all[i - 1]?.document.version);
}

/** An advisory with what its order says beyond it, and what people are told besides. */
export type OrderedAdvisory = Advisory & { readonly terms?: OrderTerms; readonly details?: AdvisoryDetails };

/** A halt with the classes it is limited to. */
export type ScopedHalt = Halt & { readonly classes?: Classes };

export interface Catalog {
  readonly releases: readonly Verified<Release>[];
  readonly rollouts: readonly Rollout[];
  readonly advisories: readonly OrderedAdvisory[];
  readonly halts: readonly ScopedHalt[];
  /** What is signed beside releases, by their paths. */
  readonly notes?: ReadonlyMap<string, TargetNotes>;
  /** When this install first saw a halt of a digest; where it is not said, a halt's own word counts. */
  readonly haltedSince?: ReadonlyMap<Digest, EpochMs>;
  /** When this install first saw an emergency order beside a halt in force, by the advisory's id. */
  readonly ordersHaltedSince?: ReadonlyMap<string, EpochMs>;
}

export const EMPTY_CATALOG: Catalog = { releases: [], rollouts: [], advisories: [], halts: [] };
