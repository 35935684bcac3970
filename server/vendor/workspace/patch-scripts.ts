// Which files of a new tree are built by a script from an old file, and what a unit of such a file carries.
import { readStretch } from '../../../shared/node/base-files.ts';
import {
  type AddressMover,
  MAX_PLACES,
  moveAddresses,
  placesOf,
} from '../../../shared/tree/moved-addresses.ts';
import type { PatchUnit } from '../../../shared/tree/patch-format.ts';
import {
  type FileScript,
  MAX_SCRIPTS_BYTES,
  MAX_STEPS,
  STEPS_OF_SCRIPT,
  stepsWithin,
} from '../../../shared/tree/patch-script.ts';
import type { TreeFile } from '../../../shared/tree/tree-index.ts';
import { alignFiles } from './machine-code.ts';
import type { PatchSide } from './patch-bases.ts';
import { scriptLength } from './script-writer.ts';

/** What a smaller file has in common with others, a dictionary of all of them finds. */
const LEAST_BYTES = 16 * 1024;
/** Both files are in memory at once, and a table of the old one's places. */
const MOST_BYTES = 256 * 2 ** 20;
/** A step costs a read of whoever applies it. */
const STEP_BYTES = 64;
/** Where more of a file is new, a dictionary finds more of it than one run after the other does. */
const MOST_LITERALS = 1 / 4;
/** Of a position, or of how many there are, at most. */
const NUMBER_BYTES = 6;

export interface ScriptFinder {
  /** Null where a dictionary does better. `old` says which file it is most like. Error: tree/base-changed. */
  find(file: TreeFile, old: () => number | undefined): FileScript | null;
}

export function createScriptFinder(from: PatchSide, to: PatchSide): ScriptFinder {
  let [left, places, bytesLeft] = [MAX_STEPS, MAX_PLACES, MAX_SCRIPTS_BYTES - NUMBER_BYTES];
  return {
    find(file, old) {
      if (file.size < LEAST_BYTES || file.size > MOST_BYTES) return null;
      const bytes = readStretch(to, { file, offset: 0, length: file.size });
      if (!looksLikeCode(bytes)) return null;
      const position = old();
      const base = position === undefined ? undefined : from.index.entries[position];
      if (position === undefined || base?.kind !== 'file' || base.size > MOST_BYTES) return null;
      const oldBytes = readStretch(from, { file: base, offset: 0, length: base.size });
      const { runs, addresses } = alignFiles(oldBytes, bytes);
      const hasRoom = placesOf(addresses) <= places;
      const known = hasRoom ? addresses : { old: [], next: [], regions: [] };
      const script = { from: position, oldSize: base.size, ...runs, addresses: known };
      const steps = script.at.length + STEPS_OF_SCRIPT;
      const copied = script.copied.reduce((sum, length) => sum + length, 0);
      if (steps > Math.min(left, file.size / STEP_BYTES)) return null;
      if (file.size - copied > file.size * MOST_LITERALS) return null;
      const length = scriptLength(script, file.size) + NUMBER_BYTES;
      if (length > bytesLeft) return null;
      left -= steps;
      places -= placesOf(known);
      bytesLeft -= length;
      return script;
    },
  };
}

/** Text has no zeros; of machine code and its tables every tenth byte is one. A script of anything else is seldom smaller. */
function looksLikeCode(bytes: Uint8Array): boolean {
  let zeros = 0;
  for (let at = bytes.indexOf(0); at !== -1; at = bytes.indexOf(0, at + 1)) {
    if (++zeros * 32 > bytes.length) return true;
  }
  return false;
}

/** The literals of its steps, and the differences behind them. `old` is what the steps copy, end to end. */
export function scriptedBytes(
  script: FileScript,
  mover: AddressMover,
  unit: PatchUnit,
  old: Uint8Array,
  next: Uint8Array,
): Uint8Array {
  const body = Buffer.allocUnsafeSlow(unit.raw);
  let difference = unit.raw - old.length;
  let [at, taken, literal] = [0, 0, 0];
  for (const { source, at: place, copied, literals } of stepsWithin(script, unit)) {
    const run = body.subarray(difference, difference + copied);
    moveAddresses(mover, old.subarray(taken, taken + copied), source, place, run);
    for (let i = 0; i < copied; i++) run[i] = (next[at + i] as number) - (run[i] as number);
    at += copied;
    taken += copied;
    difference += copied;
    body.set(next.subarray(at, at + literals), literal);
    at += literals;
    literal += literals;
  }
  return body;
}
