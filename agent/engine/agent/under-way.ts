// What is under way at this moment, for whoever looks on: the downloads, each by the name of what it brings, and how long a deployment still takes.
import type { Catalog } from '../../../shared/compile/releases.ts';
import { shortDigest } from '../../../shared/encoding/digest.ts';
import { MOST_TRANSFERS, type Transfer } from '../../../shared/protocol/transfer.ts';
import { timeLeft } from '../../core/forecast.ts';
import type { Transfer as StoreTransfer } from '../../ports/state.ts';
import type { Needs } from './state.ts';

export interface UnderWay {
  readonly transfers?: Transfer[];
  readonly leftMs?: number;
}

/** Nothing where nothing is. */
export async function describeUnderWay(
  state: Needs<'clock' | 'deployer' | 'offers' | 'trees'>,
): Promise<UnderWay> {
  const all = state.trees.transfers();
  const coming = all.slice(0, MOST_TRANSFERS);
  const leftMs = await leftOf(state, all);
  return {
    ...(coming.length === 0 ? {} : { transfers: describeTransfers(state, coming) }),
    ...(leftMs === null ? {} : { leftMs: Math.ceil(leftMs) }),
  };
}

async function leftOf(
  { clock, deployer, trees }: Needs<'clock' | 'deployer' | 'trees'>,
  coming: readonly StoreTransfer[],
): Promise<number | null> {
  const live = deployer.inProgress();
  if (live === null) return null;
  const [records, generations, stored, soakMs] = await Promise.all([
    deployer.records(),
    deployer.generations(),
    trees.stored(),
    deployer.soakInProgressMs(),
  ]);
  if (soakMs === null) return null;
  const target = generations.find(({ number }) => number === live.generation);
  const missing = target?.manifest.components.map(({ tree }) => tree).filter((tree) => !stored.has(tree));
  const fetchMs = missing === undefined ? null : fetchLeft(new Set(missing), coming);
  return timeLeft(live, records, { now: clock.now(), soakMs, fetchMs });
}

/** Of these alone: others may be fetched ahead at the same time. Null where the time of one is not known, or it has not begun. */
function fetchLeft(missing: ReadonlySet<string>, coming: readonly StoreTransfer[]): number | null {
  const ours = coming.filter(({ tree }) => missing.has(tree));
  if (ours.length < missing.size) return null;
  return ours.reduce<number | null>(
    (sum, { pace: { leftMs } }) => (sum === null || leftMs === null ? null : sum + leftMs),
    0,
  );
}

function describeTransfers({ offers }: Needs<'offers'>, coming: readonly StoreTransfer[]): Transfer[] {
  const names = namesIn(offers.contact.catalog(), new Set(coming.map(({ tree }) => tree)));
  return coming.map((one) => describe(one, names.get(one.tree)));
}

function describe({ tree, way, bytes, total, pace }: StoreTransfer, name: string | undefined): Transfer {
  const { bytesPerSecond, leftMs, stalledMs } = pace;
  return {
    what: name ?? `tree ${shortDigest(tree)}`,
    ...{ way, bytes, total, bytesPerSecond },
    leftMs: leftMs === null ? null : Math.ceil(leftMs),
    stalledMs: Math.floor(stalledMs),
  };
}

/** Several releases may have the same files: the newest in the list names them. */
function namesIn(
  { releases }: Catalog,
  wanted: ReadonlySet<string>,
): ReadonlyMap<StoreTransfer['tree'], string> {
  return new Map(
    releases.flatMap(({ document }) =>
      document.schema === 'fairlead/capability@1' && wanted.has(document.tree.digest)
        ? [[document.tree.digest, `${document.suite}/${document.name} ${document.version}`] as const]
        : [],
    ),
  );
}
