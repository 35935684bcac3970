// Hands the steps of unpacking what they want from an open pack, front to back, and lets everybody else have a turn in between.
import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import type { Digest } from '../encoding/digest.ts';
import { damagedPack } from '../tree/pack-format.ts';
import { decompressionOf, type PackSteps, type PackWant } from '../tree/pack-steps.ts';
import { parseTreeIndexSliced } from '../tree/parse-index.ts';
import type { TreeIndex } from '../tree/tree-index.ts';
import { createRests, inPieces } from './turns.ts';

export interface PackSource {
  run<Result>(steps: PackSteps<Result>): Promise<Result>;
  /** Error: tree/pack-damaged when bytes are left. */
  requireEnd(): Promise<void>;
}

const EMPTY = new Uint8Array();

/** Many units have a few bytes each: read one by one, asking the disk takes longer than what is done with them. */
const READ_AHEAD_BYTES = 2 ** 18;

/** A length that points past the pack's end is refused before memory is taken for it. */
export function createPackSource(pack: FileHandle, tree: Digest): PackSource {
  // What was read and not handed out yet, and behind it where the next bytes stand in the pack.
  let ahead = Buffer.alloc(0);
  let position = 0;
  // One buffer for all: fresh ones of 8 MB each would pile up faster than they are collected.
  let buffer = ahead;
  let size: number | undefined;
  const rest = createRests();
  const left = async () => {
    size ??= (await pack.stat()).size;
    return size - position + ahead.length;
  };
  const take = async (length: number) => {
    if (length > ahead.length) await read(length);
    const taken = ahead.subarray(0, length);
    ahead = ahead.subarray(length);
    return taken;
  };
  const read = async (length: number) => {
    const most = await left();
    if (length > most) throw damagedPack(tree, 'it ends early');
    const wanted = Math.min(most, Math.max(length, READ_AHEAD_BYTES));
    const into = wanted > buffer.length ? Buffer.allocUnsafeSlow(wanted) : buffer;
    ahead.copy(into);
    buffer = into;
    for (ahead = into.subarray(0, ahead.length); ahead.length < length; ) {
      const { bytesRead } = await pack.read(into, ahead.length, wanted - ahead.length, position);
      if (bytesRead === 0) throw damagedPack(tree, 'it ends early');
      position += bytesRead;
      ahead = into.subarray(0, ahead.length + bytesRead);
    }
  };
  const give = async (want: PackWant): Promise<Uint8Array> => {
    if (typeof want !== 'number') return await inflate(want.packed, want.raw, tree);
    if (want > 0) return await take(want);
    return await setImmediate(EMPTY);
  };
  return {
    run: async (steps) => {
      for (let step = steps.next(); ; step = steps.next(await give(step.value))) {
        if (step.done === true) return step.value;
        // What was read ahead is there without a wait.
        const pause = rest();
        if (pause !== undefined) await pause;
      }
    },
    requireEnd: async () => {
      if ((await left()) > 0) throw damagedPack(tree, 'bytes follow its last unit');
    },
  };
}

/** Errors: those of parseTreeIndex. */
export async function parseIndexInTurns(bytes: Uint8Array): Promise<TreeIndex> {
  return await inPieces(parseTreeIndexSliced(bytes));
}

const decompress = promisify(zstdDecompress);

async function inflate(packed: Uint8Array, raw: number, tree: Digest): Promise<Uint8Array> {
  try {
    return await decompress(packed, decompressionOf(raw));
  } catch (cause) {
    throw damagedPack(tree, 'a part of it does not decompress to the size it names', { cause });
  }
}
