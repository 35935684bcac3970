// Files that a person names: read when they are there, and never written over.
import { dirname } from 'node:path';
import type { z } from 'zod';
import { utf8 } from '../encoding/bytes.ts';
import { FairleadError, systemCode, toDiskError } from '../errors/error.ts';
import { parseDocumentBytes } from '../schema/parse-document.ts';
import { syncDirectory, writeAndSync } from './durable-file.ts';
import { readIfPresent } from './read-file.ts';

/** Longer than any secret: what is larger is another file. */
const MAX_SECRET_BYTES = 64 << 10;

/** Errors: file/missing, document/invalid, json/*. */
export async function readDocument<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  return parseDocumentBytes(schema, await readNamed(path), path);
}

/** Errors: file/missing, disk/unreadable. */
export async function readNamed(path: string, maxBytes?: number): Promise<Uint8Array> {
  const bytes = await readIfPresent(path, maxBytes);
  if (bytes === null) throw new FairleadError('file/missing', { path });
  return bytes;
}

/**
 * A secret in a file of its own: the one line in it. Errors: file/missing, disk/unreadable, file/no-secret where nothing
 * stands in it, or more than one line: no two programs would agree which of them counts.
 */
export async function readSecret(path: string): Promise<string> {
  const text = new TextDecoder().decode(await readNamed(path, MAX_SECRET_BYTES));
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new FairleadError('file/no-secret', { path, problem: 'its first line is empty' });
  if (/[\r\n]/.test(secret)) {
    throw new FairleadError('file/no-secret', { path, problem: 'it holds more than one line' });
  }
  return secret;
}

/** What is there may be the only copy of a key. Errors: file/exists, disk/*. */
export async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeAndSync(path, utf8(text), mode);
    await syncDirectory(dirname(path));
  } catch (cause) {
    if (systemCode(cause) === 'EEXIST') {
      throw new FairleadError('file/exists', { path }, { cause });
    }
    throw toDiskError(path, cause);
  }
}
