// How every file of a backup is sealed: AES-256-GCM in chunks, so that one that was changed, cut off, spliced or renamed is refused, at any size and in little memory.
//
// A header of 48 bytes stands in the clear: what it is, the id of the key, and a salt. Of key, salt and the file's name comes a
// key that no other file has, so its nonces may count: chunk 0, 1, 2, … and in the last byte whether it is the last one. That is
// the construction STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015, as age has it): a chunk opens in its own place alone.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { type BackupKey, type BackupKeys, derive, ID_BYTES } from './keys.ts';

const MAGIC = utf8('FLBAK/1\n');
const SALT_BYTES = 32;
const HEADER_BYTES = MAGIC.length + ID_BYTES + SALT_BYTES;
export const CHUNK_BYTES = 2 ** 20;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const CIPHER = 'aes-256-gcm';

export type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** The sealed bytes, as those of the file come. `name` is where they are going to stand. */
export async function* seal(key: BackupKey, name: string, plain: Bytes): AsyncGenerator<Buffer> {
  const salt = randomBytes(SALT_BYTES);
  const header = Buffer.concat([MAGIC, Buffer.from(key.id, 'hex'), salt]);
  const fileKey = fileKeyOf(key, salt, name);
  yield header;
  let at = 0;
  for await (const { bytes, isLast } of inChunks(plain, CHUNK_BYTES)) {
    const cipher = createCipheriv(CIPHER, fileKey, nonceOf(at++, isLast), { authTagLength: TAG_BYTES });
    cipher.setAAD(header);
    yield Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  }
}

/**
 * What was sealed under this name. Each chunk is proved before it is given; whether it was all, only the end says: nothing of it
 * counts before. Errors: backup/key-unknown, backup/damaged, and those of `sealed`.
 */
export async function* unseal(keys: BackupKeys, name: string, sealed: Bytes): AsyncGenerator<Buffer> {
  let opened: { readonly header: Buffer; readonly fileKey: Buffer } | null = null;
  let at = 0;
  for await (const { bytes, isLast } of inChunks(sealed, CHUNK_BYTES + TAG_BYTES, HEADER_BYTES)) {
    if (opened === null) {
      opened = readHeader(keys, name, bytes);
      if (isLast) throw damaged(name, 'it is cut off');
      continue;
    }
    yield openChunk(opened, bytes, nonceOf(at++, isLast), name);
  }
}

export async function sealBytes(key: BackupKey, name: string, bytes: Uint8Array): Promise<Buffer> {
  return collect(seal(key, name, [bytes]));
}

/** Errors: backup/key-unknown, backup/damaged. */
export async function unsealBytes(keys: BackupKeys, name: string, sealed: Uint8Array): Promise<Buffer> {
  return collect(unseal(keys, name, [sealed]));
}

export async function collect(pieces: Bytes): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

function readHeader(keys: BackupKeys, name: string, header: Buffer) {
  if (header.length < HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC))
    throw damaged(name, 'it does not begin as a backup does');
  const id = header.subarray(MAGIC.length, MAGIC.length + ID_BYTES).toString('hex');
  const key = keys.byId.get(id);
  if (key === undefined) {
    throw new FairleadError('backup/key-unknown', { name, key: id, given: [...keys.byId.keys()] });
  }
  return { header, fileKey: fileKeyOf(key, header.subarray(MAGIC.length + ID_BYTES), name) };
}

function openChunk(
  { header, fileKey }: { readonly header: Buffer; readonly fileKey: Buffer },
  chunk: Buffer,
  nonce: Buffer,
  name: string,
): Buffer {
  if (chunk.length < TAG_BYTES) throw damaged(name, 'it is cut off');
  const split = chunk.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, fileKey, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(header);
  decipher.setAuthTag(chunk.subarray(split));
  try {
    return Buffer.concat([decipher.update(chunk.subarray(0, split)), decipher.final()]);
  } catch (cause) {
    throw damaged(name, 'it was changed, cut off, or put in the place of another', cause);
  }
}

function fileKeyOf({ secret }: BackupKey, salt: Uint8Array, name: string): Buffer {
  return derive(secret, salt, `fairlead backup file ${name}`, secret.length);
}

function nonceOf(chunk: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(chunk, NONCE_BYTES - 7, 6);
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
}

interface Chunk {
  readonly bytes: Buffer;
  readonly isLast: boolean;
}

/** Of `size` each, the last one shorter or empty; `first` is the size of one before them. */
async function* inChunks(source: Bytes, size: number, first = size): AsyncGenerator<Chunk> {
  let waiting: Buffer[] = [];
  let length = 0;
  let wanted = first;
  for await (const piece of source) {
    waiting.push(Buffer.from(piece.buffer, piece.byteOffset, piece.length));
    length += piece.length;
    // More than it wants: what is left over shows that this one is not the last.
    while (length > wanted) {
      const joined = Buffer.concat(waiting);
      yield { bytes: joined.subarray(0, wanted), isLast: false };
      waiting = [joined.subarray(wanted)];
      length -= wanted;
      wanted = size;
    }
  }
  yield { bytes: Buffer.concat(waiting), isLast: true };
}

function damaged(name: string, problem: string, cause?: unknown): FairleadError {
  return new FairleadError('backup/damaged', { name, problem }, { cause });
}
