// The catalog: every verified document an instance may choose from.
import type { Digest } from '../encoding/digest.ts';
import type { EpochMs } from '../encoding/instant.ts';
import type { Advisory } from '../schema/advisory.ts';
import type { Release, Verified } from '../schema/release.ts';
import type { Halt, Rollout } from '../schema/rollout.ts';

export interface Catalog {
  readonly releases: readonly Verified<Release>[];
  readonly rollouts: readonly Rollout[];
  readonly advisories: readonly Advisory[];
  readonly halts: readonly Halt[];
  /** When this install first saw a halt of a digest; where it is not said, a halt's own word counts. */
  readonly haltedSince?: ReadonlyMap<Digest, EpochMs>;
}

export const EMPTY_CATALOG: Catalog = { releases: [], rollouts: [], advisories: [], halts: [] };
