// The catalog: every verified document that an instance may choose from.

import type { Digest } from '../encoding/digest.ts';
import type { EpochMs } from '../encoding/instant.ts';
import type { Advisory } from '../schema/advisory.ts';
import type { AdvisoryDetails } from '../schema/advisory-details.ts';
import type { Classes } from '../schema/classes.ts';
import { componentKeyOf } from '../schema/common.ts';
import type { OrderTerms } from '../schema/order-terms.ts';
import type { CapabilityRelease, Release, Verified } from '../schema/release.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import type { Halt, Rollout } from '../schema/rollout.ts';
import type { TargetNotes } from '../trust/target-notes.ts';
import type { Range } from '../version/version.ts';

export type AnyRelease = Verified<Release>;

export function isCapability(release: AnyRelease): release is Verified<CapabilityRelease> {
  return release.document.schema === 'fairlead/capability@1';
}

/** The entries of a release's bill of materials by component; none for a capability. */
export function billOfMaterials({
  document,
}: Pick<AnyRelease, 'document'>): readonly (readonly [ComponentName, Range])[] {
  switch (document.schema) {
    case 'fairlead/platform@1':
      return Object.entries(document.suites);
    case 'fairlead/suite@1':
      return Object.entries(document.capabilities).map(([name, range]) => [
        componentKeyOf(document.name, name),
        range,
      ]);
    case 'fairlead/capability@1':
      return [];
  }
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
