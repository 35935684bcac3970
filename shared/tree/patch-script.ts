// How a file is built from an old one: runs of it with a difference added to each byte, and literal bytes between them.
import type { Digest } from '../encoding/digest.ts';
import { damagedPack } from './pack-format.ts';
import type { TreeFile, TreeIndex } from './tree-index.ts';

/*
 * Where an address moved, code differs from the old code in one byte of many: added, these differences are almost all zero.
 *
 * The scripts of all files:
 *   how many files there are; for each of them, in the order of their positions:
 *     its position in the new index, that of the old file
 *     steps until they have made the whole file: seek, copied bytes, literal bytes
 *
 * A number has seven bits in a byte, the lowest first, the eighth bit where more follow. A step seeks from where the last
 * one stopped in the old file (the bytes forth times two, or back times two less one), adds its differences to what stands
 * there, then takes its literals. A unit of such a file has the literals of its part of the steps, then the differences.
 */
export const MAX_SCRIPTS_BYTES = 2 * 2 ** 20;
/** Of all files together: each of them reads from the disk. */
export const MAX_STEPS = 2 ** 18;
/** Positions are counted in 32 bits. */
export const MAX_SCRIPTED_BYTES = 2 ** 32 - 1;

/** Step by step; the literals of each go up to where the next one begins. */
export interface FileScript {
  /** Position of the old file in its index. */
  readonly from: number;
  /** Where in the new file. */
  readonly at: Uint32Array;
  /** Where in the old file. */
  readonly source: Uint32Array;
  readonly copied: Uint32Array;
}

/** By position in the new index. */
export type FileScripts = ReadonlyMap<number, FileScript>;

/** A part of a step that stands within a unit. */
export interface StepPart {
  readonly source: number;
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
  const reader = createReader(bytes, damaged);
  const fileAt = ({ entries }: TreeIndex, position: number): TreeFile => {
    const entry = entries[position];
    if (entry?.kind !== 'file' || entry.size > MAX_SCRIPTED_BYTES) throw damaged();
    return entry;
  };
  const scripts = new Map<number, FileScript>();
  let last = -1;
  let left = MAX_STEPS;
  for (let count = reader.number(); count > 0; count--) {
    const [position, from] = [reader.number(), reader.number()];
    if (position <= last) throw damaged();
    last = position;
    const script = parseSteps(reader, fileAt(old, from).size, fileAt(next, position).size, left, damaged);
    left -= script.at.length;
    scripts.set(position, { from, ...script });
  }
  if (reader.at() !== bytes.length) throw damaged();
  return scripts;
}

function parseSteps(
  reader: NumberReader,
  oldSize: number,
  size: number,
  most: number,
  damaged: () => Error,
): Omit<FileScript, 'from'> {
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
  unit: UnitBytes,
  old: Uint8Array,
  body: Uint8Array,
): Uint8Array {
  const made = Buffer.allocUnsafeSlow(unit.raw);
  const differences = unit.raw - old.length;
  let [at, taken, literal] = [0, 0, 0];
  for (const { copied, literals } of stepsWithin(script, unit)) {
    for (let i = 0; i < copied; i++) {
      made[at + i] = (old[taken + i] as number) + (body[differences + taken + i] as number);
    }
    at += copied;
    taken += copied;
    made.set(body.subarray(literal, literal + literals), at);
    at += literals;
    literal += literals;
  }
  return made;
}

/** The last of ascending numbers that is not above the limit; the first where all are. */
function lastUpTo(numbers: Uint32Array, limit: number): number {
  let [low, high] = [0, numbers.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((numbers[middle] as number) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

interface NumberReader {
  number(): number;
  signed(): number;
  at(): number;
}

function createReader(bytes: Uint8Array, damaged: () => Error): NumberReader {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; scale < 2 ** 35; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw damaged();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw damaged();
  };
  return {
    number,
    signed: () => {
      const value = number();
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    },
    at: () => at,
  };
}
