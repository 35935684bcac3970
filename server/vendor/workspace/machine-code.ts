// How two builds of a program are laid beside each other: code without its addresses, tables with those that are known already.
import {
  ABSOLUTE,
  type Addresses,
  createAddressMover,
  FROM_START,
  MAX_SEGMENTS,
  moveAddresses,
  type Region,
  wordAt,
} from '../../../shared/tree/moved-addresses.ts';
import type { CopiedRuns } from '../../../shared/tree/moved-places.ts';
import { learnRegions } from './address-rules.ts';
import { type ElfFile, type ElfSection, readElf } from './elf-files.ts';
import { replaceRuns } from './script-runs.ts';
import { alignBytes } from './script-writer.ts';

export interface AlignedFile {
  readonly runs: CopiedRuns;
  readonly addresses: Addresses;
}

const NO_ADDRESSES: Addresses = { old: [], next: [], regions: [] };

export function alignFiles(old: Buffer, next: Buffer): AlignedFile {
  const [from, to] = [readElf(old), readElf(next)];
  if (from === null || to === null || !areAlike(from, to)) {
    return { runs: alignBytes(old, next), addresses: NO_ADDRESSES };
  }
  const blanked = [withoutAddresses(old, from), withoutAddresses(next, to)] as const;
  const addresses = { old: from.segments, next: to.segments, regions: [] };
  const runs = alignTables({ old, next, from, to, addresses }, alignBytes(...blanked));
  return { runs, addresses: { ...addresses, regions: learnRegions(old, next, from, runs, addresses) } };
}

function areAlike({ segments }: ElfFile, other: ElfFile): boolean {
  return segments.length === other.segments.length && segments.length <= MAX_SEGMENTS;
}

interface Builds {
  readonly old: Buffer;
  readonly next: Buffer;
  readonly from: ElfFile;
  readonly to: ElfFile;
  readonly addresses: Addresses;
}

const SYMBOL_BYTES = 24;
/** The place of a symbol's name among the names comes first, then, among others, its address. */
const SYMBOLS = { cycle: SYMBOL_BYTES, rules: [[8, ABSOLUTE]] } as const;
const FRAMES = { cycle: 4, rules: [[0, FROM_START]] } as const;

/** In tables of addresses nothing stays as it was: they are compared with what is known once the rest is aligned. */
function alignTables({ old, next, from, to, addresses }: Builds, runs: CopiedRuns): CopiedRuns {
  let aligned = runs;
  for (const table of from.sections) {
    const other = to.sections.find(({ name, kind }) => name === table.name && kind === table.kind);
    const layout = table.kind === 'symbols' ? SYMBOLS : table.kind === 'frames' ? FRAMES : null;
    if (layout === null || other === undefined) continue;
    const region: Region = { start: table.start, length: table.length, ...layout };
    const mover = createAddressMover({
      ...aligned,
      oldSize: old.length,
      addresses: { ...addresses, regions: [region] },
    });
    const expected = Buffer.alloc(table.length);
    moveAddresses(mover, sliceOf(old, table), table.start, other.start, expected);
    const found = Buffer.from(sliceOf(next, other));
    if (table.kind === 'symbols') for (const symbols of [expected, found]) blankNames(symbols);
    aligned = replaceRuns(aligned, next.length, alignBytes(expected, found), table.start, other);
  }
  return aligned;
}

function sliceOf(bytes: Buffer, { start, length }: ElfSection): Buffer {
  return bytes.subarray(start, start + length);
}

function blankNames(symbols: Buffer): void {
  for (let at = 0; at + SYMBOL_BYTES <= symbols.length; at += SYMBOL_BYTES) symbols.fill(0, at, at + 4);
}

/** With zeros for what looks like an address, or like the way to one, in the code of x86. A wrong guess costs nothing: it is only compared. */
function withoutAddresses(bytes: Buffer, { segments, sections }: ElfFile): Buffer {
  const blank = Buffer.from(bytes);
  const from = Math.min(...segments.map(({ address }) => address));
  const to = Math.max(...segments.map(({ address, length }) => address + length));
  for (const { kind, start, length } of sections) {
    const segment = segments.find(({ place, length: size }) => place <= start && start < place + size);
    if (kind !== 'code' || segment === undefined) continue;
    const shift = segment.address - segment.place + 4;
    for (let i = start + 2; i + 4 <= start + length; i++) {
      if (!leadsToAddress(blank[i - 2] as number, blank[i - 1] as number)) continue;
      const target = i + shift + wordAt(blank, i);
      if (target < from || target >= to) continue;
      // Not `fill`, which is slow for so few, and there are hundreds of thousands.
      blank[i] = blank[i + 1] = blank[i + 2] = blank[i + 3] = 0;
      i += 3;
    }
  }
  return blank;
}

function leadsToAddress(before: number, last: number): boolean {
  const isCall = last === 0xe8 || last === 0xe9 || (before === 0x0f && (last & 0xf0) === 0x80);
  // The operand of an instruction at a distance from where it stands: mod 00, r/m 101.
  return isCall || (last & 0xc7) === 0x05;
}
