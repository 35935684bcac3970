// A layer as images name it, unpacked: written whole and under its own digest, or not at all.
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDigester, type Digest } from '../../encoding/digest.ts';
import { blobPath } from '../../schema/drivers/images.ts';
import { MAX_TREE_BYTES } from '../../schema/tree-bounds.ts';
import { isPresent } from '../read-file.ts';
import { createDecompressor, ImageFault } from './tar-files.ts';

/**
 * Puts a layer, plain or compressed with gzip or zstd, into a layout; nothing is read where it is there. Throws an error whose
 * message says what is wrong with it; errors of the system pass.
 */
export async function writePlainLayer(
  layout: string,
  layer: Digest,
  openInput: () => Promise<Readable> | Readable,
): Promise<void> {
  const path = join(layout, blobPath(layer));
  if (await isPresent(path)) return;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.tmp`;
  const out = await open(temporary, 'w', 0o644);
  try {
    const found = await copyPlain(await openInput(), out);
    if (found !== layer) throw new ImageFault(`its layer ${layer} is something else: ${found}`);
    await out.sync();
    await rename(temporary, path);
  } finally {
    await out.close();
    await rm(temporary, { force: true });
  }
}

/** Its digest as it was written. */
async function copyPlain(input: Readable, out: FileHandle): Promise<Digest> {
  const digester = createDigester();
  const write = async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of boundUnpacked(pieces)) {
      digester.update(piece);
      await out.writeFile(piece);
    }
  };
  const decompressor = createDecompressor(await firstBytes(input));
  await (decompressor === null ? pipeline(input, write) : pipeline(input, decompressor, write));
  return digester.end();
}

/** A few kilobytes may unpack to what no disk holds. */
export async function* boundUnpacked(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let left = MAX_TREE_BYTES;
  for await (const piece of pieces) {
    left -= piece.length;
    if (left < 0) throw new ImageFault('unpacked it is larger than a release may be');
    yield piece;
  }
}

/** Looked at and put back. */
async function firstBytes(input: Readable): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const look = () => {
    const piece = input.read() as Buffer | null;
    if (piece === null) return;
    input.off('readable', look).off('end', none).off('error', reject);
    input.unshift(piece);
    resolve(piece.subarray(0, 4));
  };
  const none = () => resolve(Buffer.alloc(0));
  input.on('readable', look).on('end', none).on('error', reject);
  return promise;
}
