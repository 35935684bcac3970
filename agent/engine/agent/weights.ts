// How much the trees on offer would take to fetch: asked beside the rounds, so that a decision is never made with the most that it could be where somebody knows better.
import type { Digest } from '../../../shared/encoding/digest.ts';
import type { CapabilityRelease, Verified } from '../../../shared/schema/release.ts';
import type { Clock, Log } from '../../ports/machine.ts';
import type { TreeStore } from '../../ports/state.ts';

export interface Weights {
  known(): ReadonlyMap<Digest, number>;
  /** Looks after these, and forgets all others. Returns at once; whoever decides is woken where there is news. */
  look(releases: Iterable<Verified<CapabilityRelease>>): void;
  /** Resolves when no look is under way. */
  settled(): Promise<void>;
}

export interface WeightsOptions {
  readonly trees: Pick<TreeStore, 'has' | 'weigh'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onNews: () => void;
}

/** A patch may be made, or go, at any time; a server that says nothing is not asked at each round. */
const ASKED_AGAIN_MS = 15 * 60_000;
/** Of more the most that they can be is good enough. */
const MOST_ASKED = 50;

interface Asked {
  readonly at: number;
  /** Null where nobody says. */
  readonly bytes: number | null;
}

export function createWeights({ trees, clock, log, onNews }: WeightsOptions): Weights {
  let asked: ReadonlyMap<Digest, Asked> = new Map();
  let looking: Promise<void> | null = null;

  async function ask(releases: readonly Verified<CapabilityRelease>[]): Promise<void> {
    const refs = new Map(releases.map(({ document: { tree } }) => [tree.digest, tree]));
    const next = new Map([...asked].filter(([tree]) => refs.has(tree)));
    let isNews = false;
    for (const [digest, ref] of [...refs].slice(0, MOST_ASKED)) {
      const before = next.get(digest);
      if (before !== undefined && clock.monotonic() - before.at < ASKED_AGAIN_MS) continue;
      if (await trees.has(digest)) continue;
      const bytes = (await trees.weigh(ref))?.bytes ?? null;
      // Who cannot be asked now has not taken back what was said before.
      next.set(digest, { at: clock.monotonic(), bytes: bytes ?? before?.bytes ?? null });
      isNews ||= bytes !== null && bytes !== before?.bytes;
    }
    asked = next;
    if (isNews) onNews();
  }

  return {
    known: () =>
      new Map([...asked].flatMap(([tree, { bytes }]) => (bytes === null ? [] : [[tree, bytes] as const]))),
    look(releases) {
      looking ??= ask([...releases])
        .catch((err) => log.warn({ err }, 'how much would be fetched is not known'))
        .finally(() => {
          looking = null;
        });
    },
    settled: async () => {
      await looking;
    },
  };
}
