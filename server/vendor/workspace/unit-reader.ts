// Reads the bytes of a pack's units from a directory, holding every file against its digest on the way.
import { closeSync, fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createDigester } from '../../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { createRests } from '../../../shared/node/turns.ts';
import { type PlannedUnit, resolveParts, type UnitPart } from '../../../shared/tree/pack-plan.ts';
import type { PatchSide } from './patch-bases.ts';
import { openIfReadable } from './tree-reader.ts';

/** Files of a tree that do not stand in its directory, by their paths in the tree. */
export type Elsewhere = ReadonlyMap<string, string>;

/**
 * Units must be read in the order of their plan: a file cut into several is hashed across them.
 * Errors of the returned function: tree/changed-while-packing.
 */
export function createUnitReader(
  { digest, directory, index }: PatchSide,
  elsewhere: Elsewhere = new Map(),
): (unit: PlannedUnit) => Promise<Uint8Array> {
  const rest = createRests();
  let digester = createDigester();
  return async (unit) => {
    const bytes = Buffer.allocUnsafeSlow(unit.raw);
    let at = 0;
    for (const part of resolveParts(index, unit, digest)) {
      if (part.offset === 0) digester = createDigester();
      const path = elsewhere.get(part.file.path) ?? join(directory, part.file.path);
      readPart(path, part, bytes.subarray(at, at + part.length), digester);
      at += part.length;
      await rest();
    }
    return bytes;
  };
}

type Digester = ReturnType<typeof createDigester>;

function readPart(path: string, part: UnitPart, into: Buffer, digester: Digester): void {
  const { file, offset, length } = part;
  if (!readExactly(path, file.size, offset, into)) throw changed(file.path);
  digester.update(into);
  if (offset + length < file.size) return;
  if (digester.end() !== file.digest) throw changed(file.path);
}

/** False when the file is gone, is no longer a file of this size, or ends early. */
function readExactly(path: string, size: number, offset: number, into: Buffer): boolean {
  const fd = openIfReadable(path);
  if (fd === null) return false;
  try {
    const stat = fstatSync(fd);
    return stat.isFile() && stat.size === size && fill(fd, into, offset);
  } finally {
    closeSync(fd);
  }
}

function fill(fd: number, into: Buffer, offset: number): boolean {
  for (let done = 0; done < into.length; ) {
    const read = readSync(fd, into, done, into.length - done, offset + done);
    if (read === 0) return false;
    done += read;
  }
  return true;
}

function changed(path: string): FairleadError {
  return new FairleadError('tree/changed-while-packing', { path: sanitizeLine(path) });
}
