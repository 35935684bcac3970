// The disks that this server writes to, and how much room each has.
import { stat, statfs } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { DiskRoom } from '../core/disk-room.ts';

interface WrittenPlace {
  readonly disk: string;
  readonly path: string;
}

export type ReadDisks = () => Promise<readonly DiskRoom[]>;

/** A disk of the network that went away answers never. */
const ANSWER_MS = 2_000;

/** Each disk once, by the first place on it; what does not answer, or is not there, is left out. */
export function createDiskReader(places: readonly WrittenPlace[], read = readDisk): ReadDisks {
  /** Never asked a second time while it owes an answer: each question holds one of the few threads for files. */
  const asked = new Map<string, Promise<Found | null>>();
  const ask = (place: WrittenPlace) => {
    const asking =
      asked.get(place.path) ??
      read(place)
        .catch(() => null)
        .finally(() => asked.delete(place.path));
    asked.set(place.path, asking);
    return Promise.race([asking, setTimeout(ANSWER_MS, null, { ref: false })]);
  };
  return async () => {
    const found = (await Promise.all(places.map(ask))).filter((one) => one !== null);
    const isFirst = (at: number) => found.findIndex(({ device }) => device === found[at]?.device) === at;
    return found.filter((_, i) => isFirst(i)).map(({ room }) => room);
  };
}

interface Found {
  readonly device: number;
  readonly room: DiskRoom;
}

async function readDisk({ disk, path }: WrittenPlace): Promise<Found> {
  const [{ dev }, { bavail, blocks, bsize }] = await Promise.all([stat(path), statfs(path)]);
  return { device: dev, room: { disk, free: bavail * bsize, size: blocks * bsize } };
}
