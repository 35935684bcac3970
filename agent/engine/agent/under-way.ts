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
  const coming = state.trees.transfers().slice(0, MOST_TRANSFERS);
  const leftMs = await leftOf(state, coming);
  return {
    ...(coming.length === 0 ? {} : { transfers: describeTransfers(state, coming) }),
    ...(leftMs === null ? {} : { leftMs: Math.ceil(leftMs) }),
  };
}

async function leftOf(
  { clock, deployer }: Needs<'clock' | 'deployer'>,
  coming: readonly StoreTransfer[],
): Promise<number | null> {
  const live = deployer.inProgress();
  if (live === null) return null;
  const lefts = coming.map(({ pace }) => pace.leftMs);
  const fetchMs = lefts.reduce<number | null>(
    (sum, ms) => (sum === null || ms === null ? null : sum + ms),
    0,
  );
  return timeLeft(live, await deployer.records(), { now: clock.now(), soakMs: deployer.soakMs, fetchMs });
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
