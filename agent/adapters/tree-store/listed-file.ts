// One file held against what the index lists: its mode, its size and every byte of it.
import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs';
import { createDigester, type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { isAsStored } from '../../../shared/node/unpack.ts';
import type { TreeFile } from '../../../shared/tree/tree-index.ts';
import type { KnownFiles } from './known-files.ts';

export type Known = Pick<KnownFiles, 'now' | 'has' | 'note'>;

export const NOTHING_KNOWN: Known = { now: Date.now, has: () => false, note: () => undefined };

/**
 * Mode, size and content. Of a file that grows while it is read, no more than its size is. Opened and closed at once, as its directory
 * was walked: a thread is asked for its bytes alone, which the disk may have to be waited for.
 */
export async function isFileAsListed(
  path: string,
  file: TreeFile,
  buffer: Buffer,
  known: Known = NOTHING_KNOWN,
): Promise<boolean> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd, { bigint: true });
    // A pipe in the place of an empty file would read as empty, too.
    if (!isAsStored(stat, file)) return false;
    const readAt = known.now();
    if ((await hash(fd, file.size, buffer)) !== file.digest) return false;
    known.note(stat, file, readAt);
    return true;
  } finally {
    closeSync(fd);
  }
}

/** Null for a file that holds more than `size`, or ends before it. */
async function hash(fd: number, size: number, buffer: Buffer): Promise<Digest | null> {
  const whole = size <= buffer.length ? null : createDigester();
  let held = 0;
  for (let done = 0; done < size; ) {
    if (whole !== null) held = 0;
    const length = Math.min(buffer.length - held, size - done);
    const bytesRead = await readInto(fd, buffer, held, length);
    if (bytesRead === 0) return null;
    whole?.update(buffer.subarray(0, bytesRead));
    held += bytesRead;
    done += bytesRead;
  }
  // Behind its end there is nothing to wait for.
  if (readSync(fd, ONE_MORE) > 0) return null;
  return whole?.end() ?? digestOf(buffer.subarray(0, held));
}

const ONE_MORE = Buffer.alloc(1);

function readInto(fd: number, buffer: Buffer, offset: number, length: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, offset, length, null, (cause, bytesRead) =>
      cause === null ? resolve(bytesRead) : reject(cause),
    );
  });
}
