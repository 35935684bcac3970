// A copy of the embedded database beside its running writer, as it stood at one moment, and its way to the place and back.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { FairleadError, isFairleadError, toDiskError } from '../../shared/errors/error.ts';
import type { BackupPlace } from './place.ts';
import type { BackupSet } from './set.ts';

const BUSY_TIMEOUT_MS = 30_000;
/** Of the disk of a server that goes on writing. */
const LEFT_FREE_BYTES = 64 * 2 ** 20;
/** The next level takes twice as long for a twentieth less. */
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/**
 * Writes the copy to `to`, which is not there yet. One read transaction: whoever writes goes on. Blocks its thread.
 * Errors: disk/full, before anything is written where it can be known, and disk/failed.
 */
export async function copyDatabase(file: string, to: string): Promise<void> {
  const sizes = await Promise.all([file, `${file}-wal`].map((path) => stat(path).catch(() => null)));
  const needed = sizes.reduce((sum, found) => sum + (found?.size ?? 0), LEFT_FREE_BYTES);
  const { bavail, bsize } = await statfs(dirname(to));
  const free = bavail * bsize;
  if (free < needed) throw new FairleadError('disk/full', { path: to, needed, free });
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.prepare('VACUUM INTO ?').run(to);
  } catch (cause) {
    throw toDiskError(to, cause);
  } finally {
    database.close();
  }
}

/** Compressed and sealed. Errors: backup/place-failed, disk/*. */
export async function sendDatabase(
  place: BackupPlace,
  name: string,
  file: string,
): Promise<{ readonly database: NonNullable<BackupSet['database']>; readonly sealed: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const zstd = createZstdCompress(COMPRESSION);
  const reading = pipeline(
    createReadStream(file, { highWaterMark: 2 ** 20 }),
    async function* (pieces: AsyncIterable<Buffer>) {
      for await (const piece of pieces) {
        hash.update(piece);
        bytes += piece.length;
        yield piece;
      }
    },
    zstd,
  );
  const [sealed] = await Promise.all([place.putLarge(name, zstd), reading]);
  return { database: { name, bytes, sha256: hash.digest('hex') }, sealed };
}

/** The file is whole, and what it was, once this answers. Errors: backup/*, disk/*. */
export async function fetchDatabase(
  place: BackupPlace,
  { name, bytes, sha256 }: NonNullable<BackupSet['database']>,
  to: string,
): Promise<void> {
  const hash = createHash('sha256');
  let received = 0;
  const damaged = (problem: string, cause?: unknown) =>
    new FairleadError('backup/damaged', { name, problem }, { cause });
  try {
    await pipeline(
      Readable.from(place.read(name)),
      createZstdDecompress(),
      async function* (pieces: AsyncIterable<Buffer>) {
        for await (const piece of pieces) {
          hash.update(piece);
          received += piece.length;
          if (received > bytes) throw damaged('it is longer than it was');
          yield piece;
        }
      },
      createWriteStream(to, { flags: 'wx', mode: 0o600, flush: true }),
    );
  } catch (cause) {
    await rm(to, { force: true });
    if (isFairleadError(cause)) throw cause;
    if (cause instanceof Error && 'syscall' in cause) throw toDiskError(to, cause);
    throw damaged('it cannot be taken apart', cause);
  }
  if (received !== bytes || hash.digest('hex') !== sha256) throw damaged('it holds other bytes');
}
