// Machine code without its addresses: what one release and the next have in common stands in the same bytes then.

/** A part of an ELF file that is loaded. */
interface Segment {
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
  /** With what is only zeros, and not in the file. */
  readonly memory: number;
  readonly isCode: boolean;
}

const ELF_64_LITTLE = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
const X86_64 = 62;
const PT_LOAD = 1;
const PF_X = 1;

/** Overwrites with zeros what looks like an address, or like the way to one. Of other files, and other machines' code, nothing. */
export function blankAddresses(bytes: Buffer): void {
  const segments = loadedSegments(bytes);
  const from = Math.min(...segments.map(({ address }) => address));
  const to = Math.max(...segments.map(({ address, memory }) => address + memory));
  for (const segment of segments) if (segment.isCode) blankCode(bytes, segment, from, to);
}

function loadedSegments(bytes: Buffer): readonly Segment[] {
  const isCode64 = bytes.length >= 64 && ELF_64_LITTLE.every((byte, at) => bytes[at] === byte);
  if (!isCode64 || bytes.readUInt16LE(18) !== X86_64) return [];
  const start = Number(bytes.readBigUInt64LE(32));
  const [size, count] = [bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  if (size < 56 || start + size * count > bytes.length) return [];
  return Array.from({ length: count }, (_, i) => start + i * size)
    .filter((at) => bytes.readUInt32LE(at) === PT_LOAD)
    .map((at) => ({
      isCode: (bytes.readUInt32LE(at + 4) & PF_X) !== 0,
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      bytes: Number(bytes.readBigUInt64LE(at + 32)),
      memory: Number(bytes.readBigUInt64LE(at + 40)),
    }))
    .filter((one) => one.offset + one.bytes <= bytes.length);
}

/** A wrong guess costs nothing: the bytes of both files are compared as they are afterwards. */
function blankCode(
  bytes: Buffer,
  { offset, address, bytes: length }: Segment,
  from: number,
  to: number,
): void {
  const end = offset + length - 4;
  const shift = address - offset + 4;
  for (let i = offset + 2; i <= end; i++) {
    const value = wordAt(bytes, i);
    const target = i + shift + value;
    const isNear =
      target >= from && target < to && leadsToAddress(bytes[i - 2] as number, bytes[i - 1] as number);
    if (!isNear) continue;
    bytes.fill(0, i, i + 4);
    i += 3;
  }
}

function leadsToAddress(before: number, last: number): boolean {
  const isCall = last === 0xe8 || last === 0xe9 || (before === 0x0f && (last & 0xf0) === 0x80);
  // The operand of an instruction at a distance from where it stands: mod 00, r/m 101.
  return isCall || (last & 0xc7) === 0x05;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
