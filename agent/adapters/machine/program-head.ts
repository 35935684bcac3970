// The first bytes of a program: what the kernel will start in its place, or that it is made for another machine.

export type ProgramNeed =
  /** `path` runs it; `name` is what env(1) would look for. */
  | { readonly kind: 'interpreter'; readonly path: string; readonly name: string | null }
  | { readonly kind: 'foreign'; readonly machine: string };

/** Null where the head asks for nothing, or is nothing the kernel knows. */
export function parseProgramHead(head: Buffer, arch: string): ProgramNeed | null {
  if (head.subarray(0, 2).toString('latin1') === '#!') return parseHashBang(head);
  if (head.length >= ELF_HEADER_BYTES && head.readUInt32BE(0) === ELF_MAGIC) return parseElf(head, arch);
  return null;
}

/** As in execve(2): the rest of the line is one argument. A carriage return at its end belongs to the path. */
function parseHashBang(head: Buffer): ProgramNeed {
  const [line = ''] = head.subarray(2, 256).toString('utf8').split('\n');
  const [, path = '', rest = ''] = /^[ \t]*([^ \t]*)[ \t]*(.*)$/s.exec(line) ?? [];
  const isEnv = /\/env$/.test(path);
  const words = rest.replace(/^(?:-S|--split-string=?)[ \t]*/, '').split(/[ \t]+/);
  const name = isEnv ? words.find((word) => !word.includes('=') && !word.startsWith('-')) : undefined;
  return { kind: 'interpreter', path, name: name === undefined || name === '' ? null : name };
}

const ELF_MAGIC = 0x7f454c46;
const ELF_HEADER_BYTES = 64;
const PT_INTERP = 3;
const MACHINES: Readonly<Record<number, string>> = {
  3: 'ia32',
  40: 'arm',
  62: 'x64',
  183: 'arm64',
  243: 'riscv64',
};
/** What else a machine commonly runs: nothing certain can be said of these. */
const ALSO: Readonly<Record<string, readonly string[]>> = { x64: ['ia32'], arm64: ['arm'] };

/** Its loader, such as that of another C library. Only 64-bit files in the machine's usual byte order are looked into. */
function parseElf(head: Buffer, arch: string): ProgramNeed | null {
  const machine = MACHINES[head.readUInt16LE(18)];
  if (machine === undefined || head[5] !== 1) return null;
  if (machine !== arch) return ALSO[arch]?.includes(machine) ? null : { kind: 'foreign', machine };
  if (head[4] !== 2) return null;
  const start = Number(head.readBigUInt64LE(32));
  const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let at = start; at < start + size * count && at + 56 <= head.length; at += size || head.length) {
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const from = Number(head.readBigUInt64LE(at + 8));
    const to = from + Number(head.readBigUInt64LE(at + 32));
    if (to > head.length) return null;
    return { kind: 'interpreter', path: head.toString('utf8', from, to).replace(/\0+$/, ''), name: null };
  }
  return null;
}
