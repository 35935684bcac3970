// Trials: releases that the vendor tries on other tracks, which a fix by the policy's word is not to overtake.

import { mapped, type Pieces } from '../encoding/pieces.ts';
import { componentNameOf } from '../schema/release-ref.ts';
import type { Rollout } from '../schema/rollout.ts';
import type { Offers } from './offers.ts';
import type { ReleaseIndex } from './release-index.ts';
import type { CompileInput, Withheld } from './target.ts';
import { lastWaveAt } from './waves.ts';

/**
 * By digest, until everybody there was offered it. Only what is rolled out itself is on trial: what a suite or a platform ships
 * came to be for other reasons. Where a rollout of this install's own track says something of it, that alone counts.
 */
export function* selectTrials(
  { catalog, config, now }: Pick<CompileInput, 'catalog' | 'config' | 'now'>,
  index: ReleaseIndex,
  { isOffered, withheld }: Pick<Offers, 'isOffered' | 'withheld'>,
): Pieces<ReadonlyMap<string, Withheld>> {
  const trials = new Map<string, Withheld>();
  yield* mapped(catalog.rollouts, (rollout) => {
    const { release: ref, digest: release, track, withdrawn } = rollout;
    const component = componentNameOf(ref);
    const isKnown = index.find(component, ref.version)?.digest === release;
    if (track === config.track || withdrawn || !isKnown || withheld.has(release)) return;
    if (isOffered(component, ref.version, release)) return;
    const why = trialOf(rollout);
    const known = trials.get(release);
    if (endOf(why) <= now || (known !== undefined && endOf(known.why) >= endOf(why))) return;
    trials.set(release, { component, version: ref.version, release, why });
  });
  return trials;
}

function trialOf(rollout: Rollout): Withheld['why'] {
  const { track } = rollout;
  return rollout.paused ? { kind: 'paused', track } : { kind: 'wave', at: lastWaveAt(rollout), track };
}

/** Nobody knows when a pause ends. */
function endOf(why: Withheld['why']): number {
  return why.kind === 'wave' ? why.at : Number.POSITIVE_INFINITY;
}
