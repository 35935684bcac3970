// What is on its way into the store at this moment: how much of it has come, how fast, and how long the rest will take.
import type { Digest } from '../../../shared/encoding/digest.ts';
import { createMeter, type Meter } from '../../../shared/encoding/pace.ts';
import type { FetchedTree, Transfer } from '../../ports/state.ts';

export interface Transfers {
  /** A download into the store begins; `onBytes` hears of every piece of it. */
  begin(tree: Digest, way: FetchedTree['way']): OnBytes;
  end(tree: Digest): void;
  list(): readonly Transfer[];
}

/** Bytes that are there, those of an earlier attempt included; `total` as the place says it, null where it says none. */
export type OnBytes = (bytes: number, total: number | null) => void;

interface UnderWay {
  readonly way: FetchedTree['way'];
  readonly meter: Meter;
  bytes: number;
  total: number | null;
}

/** `now` never goes back. */
export function createTransfers(now: () => number = () => performance.now()): Transfers {
  const underWay = new Map<Digest, UnderWay>();
  return {
    begin(tree, way) {
      const one: UnderWay = { way, meter: createMeter(), bytes: 0, total: null };
      underWay.set(tree, one);
      return (bytes, total) => {
        // What a place says of its own length is no more than that.
        one.total = total !== null && total >= bytes ? total : null;
        one.bytes = bytes;
        one.meter.note(now(), bytes);
      };
    },
    end: (tree) => void underWay.delete(tree),
    list: () =>
      [...underWay].map(([tree, { way, bytes, total, meter }]) => ({
        ...{ tree, way, bytes, total },
        pace: meter.read(now(), total),
      })),
  };
}
