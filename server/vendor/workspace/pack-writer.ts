// Writes the pack of a tree: the same tree gives the same bytes, and a file that changed since it was read is refused.
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { constants as zlib, zstdCompress } from 'node:zlib';
import { freeLarge } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { FairleadError, toDiskError } from '../../../shared/errors/error.ts';
import { syncDirectory } from '../../../shared/node/durable-file.ts';
import {
  EXPANSION_BYTES,
  maxPackBytes,
  PACK_MAGIC,
  WINDOW_LOG,
  writeFrame,
} from '../../../shared/tree/pack-format.ts';
import { type PlannedUnit, planUnits } from '../../../shared/tree/pack-plan.ts';
import { MAX_INDEX_BYTES } from '../../../shared/tree/parse-index.ts';
import { measureTree, type TreeIndex, treeIndexBytes } from '../../../shared/tree/tree-index.ts';
import { createUnitReader, type Elsewhere } from './unit-reader.ts';

/** Level 12: level 3 packs are much larger, level 19 gains a tenth for thirty times the work. */
const LEVEL = 12;
/** As many as Node has threads for, on machines with that many cores. Each takes about 50 MB, and none changes a byte of what comes of it. */
const PARALLEL_UNITS = Math.min(4, availableParallelism());

const compress = promisify(zstdCompress);

/**
 * Packs the files of `directory`, which must still be what `index` says, into `outFile`: whole and durable, or not there.
 * `onProgress` hears the uncompressed bytes done so far. Errors: tree/changed-while-packing, tree/too-large, tree/unreadable, disk/*.
 */
export async function writePack(
  directory: string,
  index: TreeIndex,
  outFile: string,
  onProgress: (bytes: number) => void = () => undefined,
  elsewhere?: Elsewhere,
): Promise<{ readonly bytes: number }> {
  const indexBytes = treeIndexBytes(index);
  const digest = digestOf(indexBytes);
  const readUnit = createUnitReader({ digest, directory, index }, elsewhere);
  const chunks = packChunks(readUnit, { digest, index, indexBytes }, onProgress);
  return await writeWhole(outFile, chunks, (bytes) =>
    requireAtMost(maxPackBytes({ digest, ...measureTree(index) }), 'its pack in bytes', bytes),
  );
}

/** Whole and durable, or not there. `judge` may throw for want of a better size. Errors: its own, disk/*. */
export async function writeWhole(
  outFile: string,
  chunks: AsyncIterable<Uint8Array>,
  judge: (bytes: number) => void,
): Promise<{ readonly bytes: number }> {
  // One name for every attempt: what a killed one left behind is written over.
  const temporary = join(dirname(outFile), `.${basename(outFile)}.tmp`);
  try {
    const bytes = await writeAndSync(temporary, chunks, judge);
    await rename(temporary, outFile);
    await syncDirectory(dirname(outFile));
    return { bytes };
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw toDiskError(outFile, cause);
  }
}

async function writeAndSync(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  judge: (bytes: number) => void,
): Promise<number> {
  const out = await open(path, 'w', 0o644);
  try {
    const written = await writeAll(out, chunks);
    judge(written);
    await out.sync();
    return written;
  } finally {
    await out.close();
  }
}

async function writeAll(out: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let written = 0;
  for await (const bytes of chunks) {
    await out.writeFile(bytes);
    written += bytes.length;
  }
  return written;
}

type UnitReader = ReturnType<typeof createUnitReader>;

interface PackedTree {
  readonly digest: Digest;
  readonly index: TreeIndex;
  readonly indexBytes: Uint8Array;
}

async function* packChunks(
  readUnit: UnitReader,
  { digest, index, indexBytes }: PackedTree,
  onProgress: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  requireAtMost(MAX_INDEX_BYTES, 'its index in bytes', indexBytes.length);
  const units = planUnits(index);
  const packedIndex = await compressBytes(indexBytes);
  yield PACK_MAGIC;
  yield writeFrame({
    tree: digest,
    base: null,
    index: { packed: packedIndex.length, raw: indexBytes.length },
    units: units.length,
  });
  yield packedIndex;
  let done = 0;
  for await (const { unit, packed } of packUnits(readUnit, units)) {
    yield writeFrame({ ...unit, packed: packed.length });
    yield packed;
    freeLarge(packed);
    done += unit.raw;
    onProgress(done);
  }
}

interface CompressedUnit {
  readonly unit: PlannedUnit;
  readonly packed: Uint8Array;
}

/** Reads a unit while those before it are compressed side by side, and yields them in order. */
async function* packUnits(
  readUnit: UnitReader,
  units: readonly PlannedUnit[],
): AsyncGenerator<CompressedUnit> {
  const ahead: Promise<CompressedUnit>[] = [];
  for (const unit of units) {
    const bytes = await readUnit(unit);
    if (ahead.length === PARALLEL_UNITS) yield await (ahead.shift() as Promise<CompressedUnit>);
    const compressing = compressUnit(unit, bytes);
    // Thrown when its turn comes, and not by nobody where one before it has failed.
    compressing.catch(() => undefined);
    ahead.push(compressing);
  }
  for (const rest of ahead) yield await rest;
}

async function compressUnit(unit: PlannedUnit, bytes: Uint8Array): Promise<CompressedUnit> {
  const packed = await compressBytes(bytes);
  freeLarge(bytes);
  return { unit, packed };
}

/** In one piece of the size that it can have at most: each piece more would be a thread asked once more. */
function compressBytes(bytes: Uint8Array): Promise<Uint8Array> {
  return compress(bytes, {
    chunkSize: bytes.length + EXPANSION_BYTES,
    params: { [zlib.ZSTD_c_compressionLevel]: LEVEL, [zlib.ZSTD_c_windowLog]: WINDOW_LOG },
  });
}

export function requireAtMost(value: number, limit: string, found: number): void {
  if (found > value) throw new FairleadError('tree/too-large', { limit, value, found });
}
