// Packs on their way in: streamed to disk under a cap, checked against the tree they claim to carry, then made durable.
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { equalBytes } from '../../shared/encoding/bytes.ts';
import { type Digest, digestFromHex, digestOf, shortDigest } from '../../shared/encoding/digest.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import {
  damagedPack,
  FRAME_LENGTH_BYTES,
  maxPackBytes,
  PACK_MAGIC,
  parseFrameLength,
  parsePackHeader,
} from '../../shared/tree/pack-format.ts';
import { parseTreeIndex, treeRefOf } from '../../shared/tree/tree-index.ts';
import { makeDirectory, syncDirectory, toDiskError } from './durable-file.ts';
import { type Layout, packFile } from './layout.ts';

/** The largest pack taken at all; what its own index allows is checked once it is here. */
export const MAX_UPLOAD_BYTES = 16 * 2 ** 30;

const decompress = promisify(zstdDecompress);

/**
 * Answers the bytes kept. A pack that is damaged, too long or of another tree leaves nothing behind. The units are not
 * unpacked: agents verify every file anyway. Errors: publication/unfit-pack, request/too-large, disk/*.
 */
export async function receivePack(
  layout: Layout,
  treeHex: string,
  body: Readable,
  cap = MAX_UPLOAD_BYTES,
): Promise<number> {
  await makeDirectory(layout.uploads);
  const temporary = join(layout.uploads, `${randomUUID()}.pack`);
  try {
    await pipeline(body, limit(cap), createWriteStream(temporary, { flags: 'wx', mode: 0o644, flush: true }));
    const bytes = await verifyPack(temporary, digestFromHex(treeHex));
    const target = packFile(layout, treeHex);
    await makeDirectory(dirname(target), 0o755);
    await rename(temporary, target);
    await syncDirectory(dirname(target));
    return bytes;
  } catch (cause) {
    await rm(temporary, { force: true });
    throw toRefusal(cause, layout, treeHex);
  }
}

/** Removes what uploads that were cut off left behind; call before any begins. */
export async function clearUploads(layout: Layout): Promise<void> {
  await makeDirectory(layout.uploads);
  for (const name of await readdir(layout.uploads)) await rm(join(layout.uploads, name), { force: true });
}

function limit(cap: number): Transform {
  let received = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      if (received <= cap) done(null, chunk);
      else done(new FairleadError('request/too-large', { limit: cap }));
    },
  });
}

async function verifyPack(path: string, tree: Digest): Promise<number> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const take = createReader(file, tree);
    if (!equalBytes(await take(PACK_MAGIC.length), PACK_MAGIC)) {
      throw damagedPack(tree, 'it does not start as a pack does');
    }
    const header = parsePackHeader(await take(parseFrameLength(await take(FRAME_LENGTH_BYTES), tree)), tree);
    const indexBytes = await unpackIndex(await take(header.index.packed), header.index.raw, tree);
    const found = digestOf(indexBytes);
    if (found !== tree) throw mismatch(tree, found);
    if (size > maxPackBytes(treeRefOf(parseTreeIndex(indexBytes)))) {
      throw damagedPack(tree, 'it is longer than its index can account for');
    }
    return size;
  } finally {
    await file.close();
  }
}

/** Hands out the file front to back. */
function createReader(file: FileHandle, tree: Digest): (length: number) => Promise<Uint8Array> {
  let position = 0;
  return async (length) => {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
    position += bytesRead;
    if (bytesRead < length) throw damagedPack(tree, 'it ends too early');
    return buffer;
  };
}

async function unpackIndex(packed: Uint8Array, raw: number, tree: Digest): Promise<Uint8Array> {
  try {
    const bytes = await decompress(packed, { maxOutputLength: Math.max(raw, 1024) });
    if (bytes.length === raw) return bytes;
  } catch (cause) {
    throw damagedPack(tree, 'its index cannot be unpacked', { cause });
  }
  throw damagedPack(tree, 'its index is not as long as it says');
}

function mismatch(expected: Digest, found: Digest): FairleadError {
  const what = 'the digest of its index';
  return new FairleadError('tree/mismatch', { tree: shortDigest(expected), what, expected, found });
}

/** To an agent a bad pack is its server's fault; here it is the sender's. */
function toRefusal(cause: unknown, layout: Layout, treeHex: string): unknown {
  if (isFairleadError(cause) && cause.code.startsWith('tree/')) {
    const data = { tree: shortDigest(digestFromHex(treeHex)), problem: cause.message };
    return new FairleadError('publication/unfit-pack', data, { cause });
  }
  const isSystemError = cause instanceof Error && 'syscall' in cause;
  return isSystemError ? toDiskError(packFile(layout, treeHex), cause) : cause;
}
