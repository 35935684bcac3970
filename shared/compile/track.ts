// A track: the rollouts of a catalog that are for it, each beside the release that it is about, taken apart once for each catalog.
import type { EpochMs } from '../encoding/instant.ts';
import { eachIn, type Pieces } from '../encoding/pieces.ts';
import { type ComponentName, componentNameOf } from '../schema/release-ref.ts';
import type { Rollout } from '../schema/rollout.ts';
import { createNaming, type ReleaseIndex } from './release-index.ts';
import type { AnyRelease } from './releases.ts';
import { reachedAt } from './waves.ts';

export interface TrackRollout {
  readonly rollout: Rollout;
  readonly component: ComponentName;
  /** With the digest that the rollout names. */
  readonly release: AnyRelease;
}

export interface Track {
  /** Digests of what is withdrawn from this track. */
  readonly withdrawn: ReadonlySet<string>;
  /** What of it is open to every install alike. */
  readonly openAt: (now: EpochMs) => Pieces<Open>;
}

export interface Open {
  /** Of capabilities, by their positions, 1 for each that is: what ships others is asked for them. */
  readonly marks: Uint8Array;
  /** All that is not among these, without what is withdrawn. */
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

/** A long history is nearly all of one kind: for each of these no more than a time is written down. */
interface Parts {
  /** Of capabilities, by position: from when on each is open to every install alike; NaN where none is. */
  readonly opensAt: Float64Array;
  /** By position: where the rollout stands that says so. */
  readonly places: Uint32Array;
  readonly others: TrackRollout[];
  readonly withdrawn: Set<string>;
}

function* takeApart(all: readonly Rollout[], track: string, index: ReleaseIndex): Pieces<Track> {
  const parts: Parts = {
    opensAt: new Float64Array(index.all.length).fill(Number.NaN),
    places: new Uint32Array(index.all.length),
    others: [],
    withdrawn: new Set(),
  };
  const nameOf = createNaming();
  yield* eachIn(all, (rollout, place) => {
    if (rollout.track !== track) return;
    if (rollout.withdrawn) parts.withdrawn.add(rollout.digest);
    const component = nameOf(rollout.release);
    const position = index.positionOf(component, rollout.release.version);
    const release = index.all[position];
    if (release?.digest !== rollout.digest) return;
    const at = rollout.release.kind === 'capability' ? opensAt(rollout) : null;
    if (at === null || !Number.isNaN(parts.opensAt[position])) {
      parts.others.push({ rollout, component, release });
    } else {
      parts.opensAt[position] = at;
      parts.places[position] = place;
    }
  });
  const left = yield* withoutWithdrawn(parts, index);
  return { withdrawn: parts.withdrawn, openAt: createOpening(left, all, index) };
}

function* withoutWithdrawn(parts: Parts, index: ReleaseIndex): Pieces<Parts> {
  const { opensAt, others, withdrawn } = parts;
  if (withdrawn.size === 0) return parts;
  yield* eachIn(index.all, ({ digest }, position) => {
    if (withdrawn.has(digest)) opensAt[position] = Number.NaN;
  });
  return { ...parts, others: others.filter(({ release }) => !withdrawn.has(release.digest)) };
}

/** Between two moments at which something opens, it is the same. */
function createOpening(
  { opensAt, places, others }: Parts,
  all: readonly Rollout[],
  index: ReleaseIndex,
): Track['openAt'] {
  let last: { readonly from: EpochMs; readonly until: EpochMs; readonly open: Open } | null = null;
  return function* openAt(now) {
    if (last !== null && now >= last.from && now < last.until) return last.open;
    let [from, until] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const marks = new Uint8Array(opensAt.length);
    const shut: TrackRollout[] = [];
    yield* eachIn(opensAt, (at, position) => {
      if (at <= now) {
        marks[position] = 1;
        from = Math.max(from, at);
      } else if (at > now) {
        until = Math.min(until, at);
        shut.push(beside(all[places[position] as number] as Rollout, index.all[position] as AnyRelease));
      }
    });
    const open = { marks, others: [...shut, ...others] };
    last = { from, until, open };
    return open;
  };
}

function beside(rollout: Rollout, release: AnyRelease): TrackRollout {
  return { rollout, component: componentNameOf(rollout.release), release };
}

function opensAt(rollout: Rollout): EpochMs | null {
  const { waves, classes, paused } = rollout;
  const isForAll = waves.every((wave) => wave.percent === 100 && wave.classes === undefined);
  return isForAll && classes === undefined && !paused ? reachedAt(rollout, '', {}) : null;
}
