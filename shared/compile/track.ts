// A track: the rollouts of a catalog that are for it, each beside the release that it is about, taken apart once for each catalog.
import type { EpochMs } from '../encoding/instant.ts';
import { mapped, type Pieces } from '../encoding/pieces.ts';
import { type ComponentName, componentNameOf } from '../schema/release-ref.ts';
import type { Rollout } from '../schema/rollout.ts';
import { type AnyRelease, isCapability, type ReleaseIndex } from './releases.ts';
import { reachedAt } from './waves.ts';

export interface TrackRollout {
  readonly rollout: Rollout;
  readonly component: ComponentName;
  /** With the digest that the rollout names. */
  readonly release: AnyRelease;
  /** From when on it is open to every install alike; null where that depends on the install, and while it is paused. */
  readonly opensAt: EpochMs | null;
}

export interface Track {
  /** Without those of what is withdrawn. */
  readonly rollouts: readonly TrackRollout[];
  /** Digests of what is withdrawn from this track. */
  readonly withdrawn: ReadonlySet<string>;
  /** What of it is open to every install alike. */
  readonly openAt: (now: EpochMs) => Pieces<Open>;
}

export interface Open {
  /** Of capabilities: what ships others is asked for them. */
  readonly digests: ReadonlySet<string>;
  /** The same by component, newest first. */
  readonly of: ReadonlyMap<ComponentName, readonly AnyRelease[]>;
  /** All that is not among these. */
  readonly others: readonly TrackRollout[];
}

interface Known {
  readonly index: ReleaseIndex;
  readonly tracks: Map<string, Track>;
}

/** Documents and lists of them do not change: other ones are other objects, and what was known of these goes with them. */
const known = new WeakMap<readonly Rollout[], Known>();

export function* trackOf(all: readonly Rollout[], track: string, index: ReleaseIndex): Pieces<Track> {
  const last = known.get(all);
  const { tracks } = last?.index === index ? last : { tracks: new Map<string, Track>() };
  const found = tracks.get(track) ?? (yield* takeApart(all, track, index));
  known.set(all, { index, tracks: tracks.set(track, found) });
  return found;
}

function* takeApart(all: readonly Rollout[], track: string, index: ReleaseIndex): Pieces<Track> {
  const own = all.filter((one) => one.track === track);
  const withdrawn = new Set(own.filter((one) => one.withdrawn).map((one) => one.digest));
  const rollouts = yield* mapped(own, (rollout): TrackRollout | null => {
    const component = componentNameOf(rollout.release);
    const release = index.find(component, rollout.release.version);
    if (release?.digest !== rollout.digest || withdrawn.has(rollout.digest)) return null;
    return { rollout, component, release, opensAt: opensAt(rollout) };
  });
  const kept = rollouts.filter((one) => one !== null);
  return { rollouts: kept, withdrawn, openAt: createOpening(kept, index) };
}

/** Between two moments at which something opens, it is the same. */
function createOpening(rollouts: readonly TrackRollout[], index: ReleaseIndex): Track['openAt'] {
  let last: { readonly from: EpochMs; readonly until: EpochMs; readonly open: Open } | null = null;
  return function* openAt(now) {
    if (last !== null && now >= last.from && now < last.until) return last.open;
    let [from, until] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const digests = new Set<string>();
    const components = new Set<ComponentName>();
    const others = yield* mapped(rollouts, (one): TrackRollout | null => {
      const { opensAt, release, component } = one;
      if (opensAt !== null && opensAt <= now) from = Math.max(from, opensAt);
      if (opensAt !== null && opensAt > now) until = Math.min(until, opensAt);
      if (opensAt === null || opensAt > now || !isCapability(release)) return one;
      digests.add(release.digest);
      components.add(component);
      return null;
    });
    const of = new Map<ComponentName, readonly AnyRelease[]>();
    for (const component of components) {
      const releases = index.of(component);
      yield releases.length;
      of.set(
        component,
        releases.filter(({ digest }) => digests.has(digest)),
      );
    }
    const open = { digests, of, others: others.filter((one) => one !== null) };
    last = { from, until, open };
    return open;
  };
}

function opensAt(rollout: Rollout): EpochMs | null {
  const { waves, classes, paused } = rollout;
  const isForAll = waves.every((wave) => wave.percent === 100 && wave.classes === undefined);
  return isForAll && classes === undefined && !paused ? reachedAt(rollout, '', {}) : null;
}
