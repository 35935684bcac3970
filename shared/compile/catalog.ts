// The catalog: every verified document an instance may choose from.
import type { Advisory } from '../schema/advisory.ts';
import type { Release, Verified } from '../schema/release.ts';
import type { Halt, Rollout } from '../schema/rollout.ts';

export interface Catalog {
  readonly releases: readonly Verified<Release>[];
  readonly rollouts: readonly Rollout[];
  readonly advisories: readonly Advisory[];
  readonly halts: readonly Halt[];
}

export const EMPTY_CATALOG: Catalog = { releases: [], rollouts: [], advisories: [], halts: [] };
