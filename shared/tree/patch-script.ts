// How a file is built from an old one: runs of it with a difference added to each byte, and literal bytes between them.
import type { Digest } from '../encoding/digest.ts';
import {
  type Addresses,
  type AddressMover,
  createAddressMover,
  MAX_PLACES,
  moveAddresses,
  parseAddresses,
  placesOf,
} from './moved-addresses.ts';
import { type CopiedRuns, lastUpTo } from './moved-places.ts';
import { damagedPack } from './pack-format.ts';
import { createNumberReader, type NumberReader } from './script-numbers.ts';
import type { TreeFile, TreeIndex } from './tree-index.ts';

/*
 * Where an address moved, code differs from the old code in one byte of many: added, these differences are almost all zero.
 *
 * The scripts of all files:
 *   how many files there are; for each of them, in the order of their positions:
 *     its position in the new index, that of the old file
 *     steps until they have made the whole file: seek, copied bytes, literal bytes
 *     what is known of its addresses, see moved-addresses.ts
 *
 * Numbers are those of script-numbers.ts. A step seeks from where the last one stopped in the old file, adds its differences
 * to what stands there, its addresses moved, then takes its literals. A unit of such a file has the literals of its part of
 * the steps, then the differences.
 */
export const MAX_SCRIPTS_BYTES = 2 * 2 ** 20;
/** Of all files together: each of them reads from the disk. */
export const MAX_STEPS = 2 ** 18;
/** Of them, what each script takes besides its own: its tables are as large. */
export const STEPS_OF_SCRIPT = 16;
/** Positions are counted in 32 bits. */
export const MAX_SCRIPTED_BYTES = 2 ** 32 - 1;

/** Step by step; the literals of each go up to where the next one begins. */
export interface FileScript extends CopiedRuns {
  /** Position of the old file in its index. */
  readonly from: number;
  readonly oldSize: number;
  readonly addresses: Addresses;
}

/** By position in the new index. */
export type FileScripts = ReadonlyMap<number, FileScript>;

/** A part of a step that stands within a unit. */
export interface StepPart {
  readonly source: number;
  readonly at: number;
  readonly copied: number;
  readonly literals: number;
}

/** Which bytes of the new file. */
interface UnitBytes {
  readonly offset: number;
  readonly raw: number;
}

/** Error: tree/pack-damaged. */
export function parseScripts(bytes: Uint8Array, old: TreeIndex, next: TreeIndex, to: Digest): FileScripts {
  const damaged = () => damagedPack(to, 'the script of a file does not make what it should');
  const reader = createNumberReader(bytes, damaged);
  const fileAt = ({ entries }: TreeIndex, position: number): TreeFile => {
    const entry = entries[position];
    if (entry?.kind !== 'file' || entry.size > MAX_SCRIPTED_BYTES) throw damaged();
    return entry;
  };
  const scripts = new Map<number, FileScript>();
  let last = -1;
  let [left, places] = [MAX_STEPS, MAX_PLACES];
  for (let count = reader.number(); count > 0; count--) {
    const [position, from] = [reader.number(), reader.number()];
    left -= STEPS_OF_SCRIPT;
    if (position <= last || left < 0) throw damaged();
    last = position;
    const { size: oldSize } = fileAt(old, from);
    const runs = parseSteps(reader, oldSize, fileAt(next, position).size, left, damaged);
    left -= runs.at.length;
    const addresses = parseAddresses(reader, places, damaged);
    places -= placesOf(addresses);
    scripts.set(position, { from, oldSize, ...runs, addresses });
  }
  if (reader.at() !== bytes.length) throw damaged();
  return scripts;
}

/** Of one file after the other: its tables take megabytes, those of the last one are kept, and the next one has their room. */
export function createMovers(): (script: FileScript) => AddressMover {
  let last: { readonly script: FileScript; readonly mover: AddressMover } | undefined;
  const tables: Uint8Array[] = [];
  return (script) => {
    if (last?.script !== script) last = { script, mover: createAddressMover(script, tables) };
    return last.mover;
  };
}

function parseSteps(
  reader: NumberReader,
  oldSize: number,
  size: number,
  most: number,
  damaged: () => Error,
): CopiedRuns {
  const [at, source, copied]: [number[], number[], number[]] = [[], [], []];
  let [made, stopped] = [0, 0];
  while (made < size) {
    const start = stopped + reader.signed();
    const [length, literals] = [reader.number(), reader.number()];
    const fits = length + literals > 0 && made + length + literals <= size && start >= 0;
    if (!fits || start + length > oldSize || at.length === most) throw damaged();
    at.push(made);
    source.push(start);
    copied.push(length);
    made += length + literals;
    stopped = start + length;
  }
  return { at: Uint32Array.from(at), source: Uint32Array.from(source), copied: Uint32Array.from(copied) };
}

/** What the steps do for the new file's bytes from `offset` on. */
export function* stepsWithin({ at, source, copied }: FileScript, { offset, raw }: UnitBytes) {
  const end = offset + raw;
  for (let i = lastUpTo(at, offset); i < at.length && (at[i] as number) < end; i++) {
    const begin = at[i] as number;
    const turn = begin + (copied[i] as number);
    const next = Math.min(end, at[i + 1] ?? end);
    const skipped = Math.max(0, offset - begin);
    const part: StepPart = {
      source: (source[i] as number) + skipped,
      at: begin + skipped,
      copied: Math.max(0, Math.min(turn, next) - begin - skipped),
      literals: Math.max(0, next - Math.max(turn, offset)),
    };
    yield part;
  }
}

/** How many bytes of the old file a unit is made of. */
export function copiedBytes(script: FileScript, unit: UnitBytes): number {
  let bytes = 0;
  for (const { copied } of stepsWithin(script, unit)) bytes += copied;
  return bytes;
}

/** `old` is what is copied of the old file, end to end. In time that grows with the unit alone. */
export function runScript(
  script: FileScript,
  mover: AddressMover,
  unit: UnitBytes,
  old: Uint8Array,
  body: Uint8Array,
): Uint8Array {
  const made = Buffer.allocUnsafeSlow(unit.raw);
  let difference = unit.raw - old.length;
  let [at, taken, literal] = [0, 0, 0];
  for (const { source, at: place, copied, literals } of stepsWithin(script, unit)) {
    const run = made.subarray(at, at + copied);
    moveAddresses(mover, old.subarray(taken, taken + copied), source, place, run);
    for (let i = 0; i < copied; i++) run[i] = (run[i] as number) + (body[difference + i] as number);
    at += copied;
    taken += copied;
    difference += copied;
    made.set(body.subarray(literal, literal + literals), at);
    at += literals;
    literal += literals;
  }
  return made;
}
