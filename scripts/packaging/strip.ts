// Takes symbols and debugging tables from an executable: a fifth of Node, by our own hands and so the same on every machine.
// Before anything is injected, never after: what was injected is found by a note that a later tool may move.

// ELF-64, little-endian: offsets in the header of the file and of a section.
const HEADER = { sections: 0x28, sectionSize: 0x3a, sectionCount: 0x3c, namesIndex: 0x3e } as const;
const SECTION = { type: 4, flags: 8, offset: 24, size: 32 } as const;
const SECTION_BYTES = 64;
const NO_BITS = 8;
/** It is in memory while the program runs. */
const ALLOCATED = 2;
const ALIGNMENT = 8;

/** Error: it is no such file, or what is needed does not stand before what is not. */
export function stripElf(bytes: Buffer): Buffer {
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1)
    throw new Error('it is no ELF file of 64 bits');
  const sections = readSections(bytes);
  const names = sections[bytes.readUInt16LE(HEADER.namesIndex)];
  const kept = sections.filter(({ at, isNeeded }) => at === 0 || isNeeded);
  if (names === undefined || kept.some(({ at }, place) => at !== place))
    throw new Error('what is needed does not come first in it');
  const end = Math.max(...kept.map(({ end }) => end));
  if (sections.some(({ offset, isNeeded, at }) => at !== 0 && !isNeeded && offset < end))
    throw new Error('what is not needed lies among what is');

  const table = Buffer.concat([...kept, names].map(({ header }) => header));
  table.writeBigUInt64LE(BigInt(end), kept.length * SECTION_BYTES + SECTION.offset);
  const parts = [bytes.subarray(0, end), bytes.subarray(names.offset, names.end)];
  const length = end + names.end - names.offset;
  const padding = Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
  const stripped = Buffer.concat([...parts, padding, table]);
  stripped.writeBigUInt64LE(BigInt(length + padding.length), HEADER.sections);
  stripped.writeUInt16LE(kept.length + 1, HEADER.sectionCount);
  stripped.writeUInt16LE(kept.length, HEADER.namesIndex);
  return stripped;
}

function readSections(bytes: Buffer) {
  const start = Number(bytes.readBigUInt64LE(HEADER.sections));
  const count = bytes.readUInt16LE(HEADER.sectionCount);
  if (bytes.readUInt16LE(HEADER.sectionSize) !== SECTION_BYTES) throw new Error('its sections are strange');
  return Array.from({ length: count }, (_, at) => {
    const header = Buffer.from(bytes.subarray(start + at * SECTION_BYTES, start + (at + 1) * SECTION_BYTES));
    const offset = Number(header.readBigUInt64LE(SECTION.offset));
    const size =
      header.readUInt32LE(SECTION.type) === NO_BITS ? 0 : Number(header.readBigUInt64LE(SECTION.size));
    const isNeeded = (header.readBigUInt64LE(SECTION.flags) & BigInt(ALLOCATED)) !== 0n;
    return { at, header, offset, end: offset + size, isNeeded };
  });
}
