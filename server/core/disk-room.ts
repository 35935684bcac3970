// How much room a disk has, and from where on somebody should hear that it fills.
import { formatBytes } from '../../shared/errors/entry.ts';

/** One that the server writes to. */
export interface DiskRoom {
  /** For people: `directory`, `repository` or `backups`. */
  readonly disk: string;
  /** What the server may still write. */
  readonly free: number;
  readonly size: number;
}

export type RoomLevel = 'low' | 'critical';

const GIB = 2 ** 30;
/** The smaller counts: of a large disk a tenth is plenty still. */
const LOW = { share: 0.1, bytes: 10 * GIB };
const CRITICAL = { share: 0.02, bytes: GIB };

/** Null while there is enough. */
export function rateRoom({ free, size }: DiskRoom): RoomLevel | null {
  const isBelow = ({ share, bytes }: typeof LOW) => free < Math.min(size * share, bytes);
  if (isBelow(CRITICAL)) return 'critical';
  return isBelow(LOW) ? 'low' : null;
}

/** What an alert of it is about: one that gets worse is another one, and told at once. */
export function aboutRoom(disk: string, level: RoomLevel): string {
  return level === 'critical' ? `${disk}, nearly full` : disk;
}

const WHAT_IS_THERE: Readonly<Record<string, string>> = {
  directory: 'the server’s directory',
  repository: 'the repository',
  backups: 'the backups',
};

export function describeRoom({ disk, free, size }: DiskRoom): string {
  const what = WHAT_IS_THERE[disk] ?? disk;
  return `the disk of ${what} fills: ${formatBytes(free)} of ${formatBytes(size)} are free`;
}
