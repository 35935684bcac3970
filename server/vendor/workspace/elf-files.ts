// What an ELF file of a 64-bit machine says about itself: what is loaded where, and which tables it has. Others have neither.
import type { Segment } from '../../../shared/tree/moved-addresses.ts';

export interface ElfSection {
  readonly name: string;
  readonly kind: 'code' | 'symbols' | 'frames' | 'other';
  readonly start: number;
  readonly length: number;
}

export interface ElfFile {
  /** What is in memory only stands behind the file's end. */
  readonly segments: readonly Segment[];
  /** Those with bytes in the file, in their order. */
  readonly sections: readonly ElfSection[];
}

const ELF_64_LITTLE = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
const HEADER_BYTES = 64;
const PROGRAM_BYTES = 56;
const SECTION_BYTES = 64;
const PT_LOAD = 1;
const SHF_EXECINSTR = 4;
const SHT_NULL = 0;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHT_DYNSYM = 11;
/** Larger numbers are not said in a patch. */
const MOST_ADDRESS = 2 ** 40;

/** Null for whatever is none, or does not add up. */
export function readElf(bytes: Buffer): ElfFile | null {
  const isElf = bytes.length >= HEADER_BYTES && ELF_64_LITTLE.every((byte, at) => bytes[at] === byte);
  if (!isElf) return null;
  try {
    const segments = readSegments(bytes);
    const isSmall = segments.every(({ address, place, length }) => address + place + length < MOST_ADDRESS);
    return isSmall ? { segments, sections: readSections(bytes) } : null;
  } catch (error) {
    // A table beyond the end of the file.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function readSegments(bytes: Buffer): readonly Segment[] {
  const start = longAt(bytes, 32);
  const segments: Segment[] = [];
  let behind = bytes.length;
  for (let i = 0; i < bytes.readUInt16LE(56); i++) {
    const at = start + i * PROGRAM_BYTES;
    if (bytes.readUInt32LE(at) !== PT_LOAD) continue;
    const [place, address, length, memory] = [8, 16, 32, 40].map((field) => longAt(bytes, at + field)) as [
      ...[number, number, number, number],
    ];
    segments.push({ address, place, length });
    segments.push({ address: address + length, place: behind, length: Math.max(0, memory - length) });
    behind += Math.max(0, memory - length);
  }
  return segments;
}

function readSections(bytes: Buffer): readonly ElfSection[] {
  const start = longAt(bytes, 40);
  const count = start === 0 ? 0 : bytes.readUInt16LE(60);
  const at = (i: number) => start + i * SECTION_BYTES;
  const names = count === 0 ? 0 : longAt(bytes, at(bytes.readUInt16LE(62)) + 24);
  return Array.from({ length: count }, (_, i) => at(i))
    .filter((one) => ![SHT_NULL, SHT_NOBITS].includes(bytes.readUInt32LE(one + 4)))
    .map((one) => {
      const name = textAt(bytes, names + bytes.readUInt32LE(one));
      const kind = kindOf(name, bytes.readUInt32LE(one + 4), bytes.readUInt32LE(one + 8));
      return { name, kind, start: longAt(bytes, one + 24), length: longAt(bytes, one + 32) };
    })
    .filter(({ start: from, length }) => length > 0 && from + length <= bytes.length)
    .toSorted((a, b) => a.start - b.start);
}

function kindOf(name: string, type: number, flags: number): ElfSection['kind'] {
  if ((flags & SHF_EXECINSTR) !== 0) return 'code';
  if (type === SHT_SYMTAB || type === SHT_DYNSYM) return 'symbols';
  return name === '.eh_frame_hdr' ? 'frames' : 'other';
}

function longAt(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, bytes.indexOf(0, at));
}
