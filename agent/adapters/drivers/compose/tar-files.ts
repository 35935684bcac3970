// The small files of a tar archive, read without unpacking it; large ones are passed over.
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

const BLOCK = 512;
const MOST_ENTRIES = 20_000;
const LARGEST_BYTES = 4 << 20;
const MOST_BYTES = 32 << 20;
/** As long as an engine may take to load it. A few kilobytes may unpack to what nobody would ever see the end of. */
const PATIENCE_MS = 10 * 60_000;

interface Source {
  /** Fewer bytes only at the end. */
  read(length: number): Promise<Buffer>;
  skip(length: number): Promise<void>;
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
    return await collect(await sourceOf(handle, performance.now() + patienceMs));
  } finally {
    await handle.close();
  }
}

async function collect(source: Source): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  let left = MOST_BYTES;
  for (let entries = 0; entries < MOST_ENTRIES; entries++) {
    const header = await source.read(BLOCK);
    if (header.length === 0 || header.every((byte) => byte === 0)) return files;
    const { name, size, isFile } = parseHeader(header);
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if (isFile && size <= Math.min(LARGEST_BYTES, left)) {
      const bytes = await source.read(size);
      if (bytes.length < size) throw new Error('the archive is cut');
      files.set(name.replace(/^\.\//, ''), bytes);
      left -= size;
      await source.skip(padding);
    } else {
      await source.skip(size + padding);
    }
  }
  throw new Error('the archive holds too many files');
}

/** POSIX.1-1988 ustar: the first fields are all that image archives need. */
function parseHeader(header: Buffer): { name: string; size: number; isFile: boolean } {
  const text = (from: number, to: number) => header.toString('latin1', from, to).split('\0')[0] ?? '';
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (header.length < BLOCK || Number.parseInt(text(148, 156).trim(), 8) !== sum) {
    throw new Error('it is no tar archive');
  }
  const size = sizeIn(header);
  const prefix = text(257, 262) === 'ustar' ? text(345, 500) : '';
  const name = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  const kind = text(156, 157);
  return { name, size, isFile: kind === '' || kind === '0' };
}

/** Octal digits, or, above 8 GiB, a number in base 256. */
function sizeIn(header: Buffer): number {
  const field = header.subarray(124, 136);
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(field.readBigUInt64BE(4));
  const size = Number.parseInt(field.toString('latin1').replace(/\0.*$/s, '').trim() || '0', 8);
  if (!Number.isSafeInteger(size)) throw new Error('it is no tar archive');
  return size;
}

async function sourceOf(handle: FileHandle, until: number): Promise<Source> {
  const { buffer: start } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  const magic = start.toString('hex');
  if (magic.startsWith('1f8b')) return streamed(handle, createGunzip(), until);
  return magic === '28b52ffd' ? streamed(handle, createZstdDecompress(), until) : positioned(handle);
}

function positioned(handle: FileHandle): Source {
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
  };
}

function streamed(
  handle: FileHandle,
  decompressor: NodeJS.ReadWriteStream & Readable,
  until: number,
): Source {
  const input = handle.createReadStream({ start: 0, autoClose: false });
  input.on('error', (error) => decompressor.destroy(error));
  const chunks = input.pipe(decompressor)[Symbol.asyncIterator]();
  let kept: Buffer = Buffer.alloc(0);
  /** Takes up to `length` bytes; `keep` says whether anybody wants them. */
  const take = async (length: number, keep: boolean): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0; ) {
      if (kept.length === 0) {
        const { value, done } = await chunks.next();
        if (done) break;
        if (performance.now() > until) {
          decompressor.destroy();
          throw new Error('it takes too long to unpack');
        }
        kept = value as Buffer;
      }
      const part = kept.subarray(0, missing);
      kept = kept.subarray(part.length);
      missing -= part.length;
      if (keep) parts.push(part);
    }
    return Buffer.concat(parts);
  };
  return { read: (length) => take(length, true), skip: async (length) => void (await take(length, false)) };
}
