// The entries of a tar archive in their order, and its small files by name, plain or compressed; and what is the fault of an image that is read so.
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

const BLOCK = 512;
const MOST_ENTRIES = 20_000;
/** No disk holds as much; beyond, places in a file would be no exact numbers. */
const MOST_SIZE = 2 ** 50;
/** Of what stands before an entry because its own header has no room for it. */
const MOST_EXTENDED_BYTES = 1 << 20;

const LARGEST_BYTES = 4 << 20;
const MOST_BYTES = 32 << 20;
/** As long as an engine may take to load it. */
const PATIENCE_MS = 10 * 60_000;

export interface TarEntry {
  readonly name: string;
  readonly size: number;
  /** Whatever else there is carries no bytes of an image. */
  readonly kind: 'file' | 'directory' | 'hardlink' | 'symlink' | 'other';
  /** Where a link leads, as written. */
  readonly target: string;
  /** Where its bytes begin. */
  readonly at: number;
}

interface TarSource {
  /** Fewer bytes only at the end. */
  read(length: number): Promise<Buffer>;
  skip(length: number): Promise<void>;
  /** How far it was read. */
  at(): number;
}

/** Its message says what is wrong, and may stand in what is signed: whoever reads the same image finds the same. */
export class ImageFault extends Error {}

/** Of zlib and zstd, for bytes that are not what they should be; that there is no memory is none of these. */
const OF_THE_BYTES = /^(?:Z_(?:BUF|DATA)_ERROR|Z_NEED_DICT|ZSTD_error_(?!memory_allocation$))/;

/** Null where it is the fault of the machine that reads it, or of this program. */
export function faultOf(error: unknown): string | null {
  if (error instanceof ImageFault) return error.message;
  const isOfTheBytes = error instanceof Error && 'code' in error && OF_THE_BYTES.test(String(error.code));
  return isOfTheBytes ? error.message : null;
}

/**
 * By name, those of at most 4 MiB and 32 MiB in all; of two with one name the last counts, as for tar itself. Plain, or
 * compressed with gzip or zstd. Throws where it is no such archive, where reading it takes too long, and errors of the system.
 */
export async function readSmallFiles(
  path: string,
  patienceMs = PATIENCE_MS,
): Promise<ReadonlyMap<string, Buffer>> {
  const handle = await open(path, 'r');
  try {
    return await collect(await tarSourceOf(handle, performance.now() + patienceMs));
  } finally {
    await handle.close();
  }
}

async function collect(source: TarSource): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  let left = MOST_BYTES;
  for await (const { name, size, kind } of readEntries(source)) {
    if (kind !== 'file' || size > Math.min(LARGEST_BYTES, left)) continue;
    const bytes = await source.read(size);
    if (bytes.length < size) throw new ImageFault('the archive is cut');
    files.set(name, bytes);
    left -= size;
  }
  return files;
}

/**
 * Whoever takes an entry may read its bytes from the source before asking for the next. Throws where it is no tar archive,
 * or holds more entries than that: by itself than any archive of an image.
 */
export async function* readEntries(source: TarSource, most = MOST_ENTRIES): AsyncGenerator<TarEntry> {
  let extended: Extended = {};
  for (let entries = 0; entries < most; entries++) {
    const header = await source.read(BLOCK);
    if (header.length === 0 || header.every((byte) => byte === 0)) return;
    const { flag, ...parsed } = parseHeader(header);
    const at = source.at();
    const end = (size: number) => at + size + ((BLOCK - (size % BLOCK)) % BLOCK);
    if (flag in EXTENDING) {
      if (parsed.size > MOST_EXTENDED_BYTES) throw new ImageFault('it is no tar archive');
      extended = { ...extended, ...EXTENDING[flag]?.(await source.read(parsed.size)) };
      await source.skip(end(parsed.size) - source.at());
      continue;
    }
    const entry = { ...parsed, ...extended, kind: kindOf(flag), at };
    extended = {};
    yield { ...entry, name: entry.name.replace(/^(?:\.\/)+/, '') };
    await source.skip(end(entry.size) - source.at());
  }
  throw new ImageFault('the archive holds too many files');
}

type Extended = Partial<Pick<TarEntry, 'name' | 'size' | 'target'>>;

/** POSIX.1-2001 `x`; GNU's long names `L` and links `K`. */
const EXTENDING: Readonly<Record<string, (bytes: Buffer) => Extended>> = {
  x: parseRecords,
  L: (bytes) => ({ name: textOf(bytes) }),
  K: (bytes) => ({ target: textOf(bytes) }),
};

function textOf(bytes: Buffer): string {
  return bytes.toString('utf8').split('\0')[0] ?? '';
}

/** `LENGTH KEY=VALUE\n`, one after the other. */
function parseRecords(bytes: Buffer): Extended {
  const found: { name?: string; size?: number; target?: string } = {};
  for (let at = 0; at < bytes.length; ) {
    const length = Number.parseInt(bytes.toString('latin1', at, at + 20), 10);
    if (!(length > 0)) throw new ImageFault('it is no tar archive');
    const [key, ...rest] = bytes
      .toString('utf8', at, at + length - 1)
      .replace(/^\d+ /, '')
      .split('=');
    const value = rest.join('=');
    if (key === 'path') found.name = value;
    if (key === 'linkpath') found.target = value;
    if (key === 'size') found.size = countIn(value, 10);
    at += length;
  }
  return found;
}

const KINDS: Readonly<Record<string, TarEntry['kind']>> = {
  ...{ '': 'file', 0: 'file', 7: 'file', 1: 'hardlink', 2: 'symlink', 5: 'directory' },
};

function kindOf(flag: string): TarEntry['kind'] {
  return KINDS[flag] ?? 'other';
}

/** POSIX.1-1988 ustar. */
function parseHeader(header: Buffer): Pick<TarEntry, 'name' | 'size' | 'target'> & { readonly flag: string } {
  const text = (from: number, to: number) => header.toString('latin1', from, to).split('\0')[0] ?? '';
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (header.length < BLOCK || Number.parseInt(text(148, 156).trim(), 8) !== sum) {
    throw new ImageFault('it is no tar archive');
  }
  const prefix = text(257, 262) === 'ustar' ? text(345, 500) : '';
  const name = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  return { name, size: sizeIn(header), flag: text(156, 157), target: text(157, 257) };
}

/** Octal digits, or, above 8 GiB, a number in base 256. */
function sizeIn(header: Buffer): number {
  const field = header.subarray(124, 136);
  if (((field[0] ?? 0) & 0x80) !== 0) return countIn(String(field.readBigUInt64BE(4)), 10);
  return countIn(field.toString('latin1').replace(/\0.*$/s, '').trim() || '0', 8);
}

function countIn(digits: string, base: number): number {
  const count = Number.parseInt(digits, base);
  if (!(count >= 0 && count <= MOST_SIZE)) throw new ImageFault('it is no tar archive');
  return count;
}

/** `until` is when unpacking is given up: a few kilobytes may unpack to what nobody would ever see the end of. */
export async function tarSourceOf(handle: FileHandle, until: number): Promise<TarSource> {
  const decompressor = createDecompressor((await handle.read(Buffer.alloc(4), 0, 4, 0)).buffer);
  return decompressor === null ? positioned(handle) : streamed(handle, decompressor, until);
}

/** By the first bytes of what it is to unpack; null where those are no compression's. */
export function createDecompressor(start: Uint8Array): (NodeJS.ReadWriteStream & Readable) | null {
  const magic = Buffer.from(start.subarray(0, 4)).toString('hex');
  if (magic.startsWith('1f8b')) return createGunzip();
  return magic === '28b52ffd' ? createZstdDecompress() : null;
}

function positioned(handle: FileHandle): TarSource {
  let at = 0;
  return {
    async read(length) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, at);
      at += bytesRead;
      return buffer.subarray(0, bytesRead);
    },
    async skip(length) {
      at += length;
    },
    at: () => at,
  };
}

function streamed(
  handle: FileHandle,
  decompressor: NodeJS.ReadWriteStream & Readable,
  until: number,
): TarSource {
  const input = handle.createReadStream({ start: 0, autoClose: false });
  input.on('error', (error) => decompressor.destroy(error));
  const chunks = input.pipe(decompressor)[Symbol.asyncIterator]();
  let kept: Buffer = Buffer.alloc(0);
  let at = 0;
  /** Takes up to `length` bytes; `keep` says whether anybody wants them. */
  const take = async (length: number, keep: boolean): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0; ) {
      if (kept.length === 0) {
        const { value, done } = await chunks.next();
        if (done) break;
        if (performance.now() > until) {
          decompressor.destroy();
          throw new ImageFault('it takes too long to unpack');
        }
        kept = value as Buffer;
      }
      const part = kept.subarray(0, missing);
      kept = kept.subarray(part.length);
      missing -= part.length;
      at += part.length;
      if (keep) parts.push(part);
    }
    return Buffer.concat(parts);
  };
  return {
    read: (length) => take(length, true),
    skip: async (length) => void (await take(length, false)),
    at: () => at,
  };
}
