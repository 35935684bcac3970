// How much the trees and images on offer would take to fetch: asked beside the rounds, so that a decision is never made with the most that it could be where somebody knows better.
import type { Digest } from '../../../shared/encoding/digest.ts';
import { referredImages } from '../../../shared/schema/drivers/drivers.ts';
import { digestOfImage } from '../../../shared/schema/drivers/images.ts';
import type { CapabilityRelease, Verified } from '../../../shared/schema/release.ts';
import type { Weight } from '../../core/forecast.ts';
import type { Clock, Log } from '../../ports/machine.ts';
import type { Unanswered } from '../../ports/server.ts';
import type { TreeStore } from '../../ports/state.ts';

export interface Weights {
  known(): ReadonlyMap<Digest, Weight>;
  /** Looks after these, and forgets all others. Returns at once; whoever decides is woken where there is news. */
  look(releases: Iterable<Verified<CapabilityRelease>>): void;
  /** Resolves when no look is under way. */
  settled(): Promise<void>;
}

export interface WeightsOptions {
  readonly trees: Pick<TreeStore, 'has' | 'weigh'>;
  /** Of an image in a registry, by its reference: 0 where it is here. Throws what keeps the registry from being asked. */
  readonly weighImage: (ref: string) => Promise<number | Unanswered>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onNews: () => void;
}

/** A patch may be made, or go, at any time; a server that says nothing is not asked at each round. */
const ASKED_AGAIN_MS = 15 * 60_000;
/** A registry that did not answer is left alone for twice as long each time, up to this: others need what it lets an install ask. */
const LONGEST_PAUSE_MS = 6 * 60 * 60_000;
/** Beside those that are here; of more the most that they can be is good enough. */
const MOST_ASKED = 50;

interface Asked {
  readonly at: number;
  /** Null where nobody says. */
  readonly weight: Weight | null;
  readonly pauseMs: number;
  /** Of a registry, how often in a row it gave no answer. */
  readonly misses: number;
}

export function createWeights(options: WeightsOptions): Weights {
  const { clock, log, onNews } = options;
  let asked: ReadonlyMap<Digest, Asked> = new Map();
  let looking: Promise<void> | null = null;

  async function ask(releases: readonly Verified<CapabilityRelease>[]): Promise<void> {
    const wanted = new Map(releases.flatMap((release) => weighedOf(release, options)));
    const next = new Map([...asked].filter(([digest]) => wanted.has(digest)));
    let isNews = false;
    let looked = 0;
    for (const [digest, weigh] of wanted) {
      if (looked === MOST_ASKED) break;
      const before = next.get(digest);
      const isRecent = before !== undefined && clock.monotonic() - before.at < before.pauseMs;
      const said = isRecent ? before.weight : await weigh();
      if (said === undefined) continue;
      const weight = said === 'unanswered' ? null : said;
      if (weight?.bytes !== 0) looked += 1;
      if (isRecent) continue;
      // Who cannot be asked now has not taken back what was said before.
      const known = weight ?? before?.weight ?? null;
      next.set(digest, { at: clock.monotonic(), weight: known, ...pauseAfter(said, before?.misses ?? 0) });
      isNews ||= weight !== null && weight.bytes !== before?.weight?.bytes;
    }
    asked = next;
    if (isNews) onNews();
  }

  return {
    known: () =>
      new Map(
        [...asked].flatMap(([digest, { weight }]) => (weight === null ? [] : [[digest, weight] as const])),
      ),
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

/** What failed before a registry was asked, such as the engine, is no miss of its. */
function pauseAfter(said: Said, misses: number): Pick<Asked, 'pauseMs' | 'misses'> {
  if (said !== 'unanswered') return { pauseMs: ASKED_AGAIN_MS, misses: said === null ? misses : 0 };
  return { pauseMs: Math.min(ASKED_AGAIN_MS * 2 ** misses, LONGEST_PAUSE_MS), misses: misses + 1 };
}

/** Null where nobody says; `unanswered` where a registry was asked in vain. */
type Said = Weight | 'unanswered' | null;
/** Undefined where nobody has to. */
type Weigh = () => Promise<Said | undefined>;

function weighedOf(
  { document: { tree, service } }: Verified<CapabilityRelease>,
  { trees, weighImage, log }: WeightsOptions,
): readonly (readonly [Digest, Weigh])[] {
  const weighTree: Weigh = async () => ((await trees.has(tree.digest)) ? undefined : await trees.weigh(tree));
  const images = referredImages(service).map((image) => {
    const unknown = (err: unknown) =>
      log.info({ err, image: image.ref }, 'how much of an image would be fetched is not known');
    const weigh: Weigh = async () => {
      try {
        const said = await weighImage(image.ref);
        if (typeof said === 'number') return { way: 'image', bytes: said };
        unknown(said.cause);
        return 'unanswered';
      } catch (err) {
        unknown(err);
        return null;
      }
    };
    return [digestOfImage(image), weigh] as const;
  });
  return [[tree.digest, weighTree], ...images];
}
