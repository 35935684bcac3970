// Reads the bytes of a pack's units from a directory, holding every file against its digest on the way.
import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFromHex } from '../../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type PlannedUnit, resolveParts, type UnitPart } from '../../../shared/tree/pack-plan.ts';
import { type TreeIndex, treeDigest } from '../../../shared/tree/tree-index.ts';
import { openForReading } from './tree-reader.ts';

/** Files of a tree that do not stand in its directory, by their paths in the tree. */
export type Elsewhere = ReadonlyMap<string, string>;

/**
 * Units must be read in the order of their plan: a file cut into several is hashed across them.
 * Errors of the returned function: tree/changed-while-packing.
 */
export function createUnitReader(
  directory: string,
  index: TreeIndex,
  elsewhere: Elsewhere = new Map(),
): (unit: PlannedUnit) => Promise<Uint8Array> {
  const tree = treeDigest(index);
  let hash = createHash('sha256');
  return async (unit) => {
    const bytes = Buffer.allocUnsafeSlow(unit.raw);
    let at = 0;
    for (const part of resolveParts(index, unit, tree)) {
      if (part.offset === 0) hash = createHash('sha256');
      const path = elsewhere.get(part.file.path) ?? join(directory, part.file.path);
      await readPart(path, part, bytes.subarray(at, at + part.length), hash);
      at += part.length;
    }
    return bytes;
  };
}

async function readPart(path: string, part: UnitPart, into: Buffer, hash: Hash): Promise<void> {
  const { file, offset, length } = part;
  if (!(await readExactly(path, file.size, offset, into))) throw changed(file.path);
  hash.update(into);
  if (offset + length < file.size) return;
  if (digestFromHex(hash.digest('hex')) !== file.digest) throw changed(file.path);
}

/** False when the file is gone, is no longer a file of this size, or ends early. */
async function readExactly(path: string, size: number, offset: number, into: Buffer): Promise<boolean> {
  const handle = await openForReading(path).catch(() => null);
  if (handle === null) return false;
  try {
    const stat = await handle.stat();
    return stat.isFile() && stat.size === size && (await fill(handle, into, offset));
  } finally {
    await handle.close();
  }
}

async function fill(handle: FileHandle, into: Buffer, offset: number): Promise<boolean> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, offset + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}

function changed(path: string): FairleadError {
  return new FairleadError('tree/changed-while-packing', { path: sanitizeLine(path) });
}
