// What is under way at this moment, for whoever looks on: the downloads, each by the name of what it brings.
import type { Catalog } from '../../../shared/compile/releases.ts';
import { shortDigest } from '../../../shared/encoding/digest.ts';
import { MOST_TRANSFERS, type Transfer } from '../../../shared/protocol/transfer.ts';
import type { Transfer as StoreTransfer } from '../../ports/state.ts';
import type { Needs } from './state.ts';

/** Nothing where nothing comes. */
export function describeTransfers({ trees, offers }: Needs<'trees' | 'offers'>): {
  readonly transfers?: Transfer[];
} {
  const coming = trees.transfers().slice(0, MOST_TRANSFERS);
  if (coming.length === 0) return {};
  const names = namesIn(offers.contact.catalog(), new Set(coming.map(({ tree }) => tree)));
  return { transfers: coming.map((one) => describe(one, names.get(one.tree))) };
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
