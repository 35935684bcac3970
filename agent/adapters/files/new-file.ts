// Files that a person names: read when they are there, and never written over.
import { writeFile } from 'node:fs/promises';
import type { z } from 'zod';
import { FairleadError } from '../../../shared/errors/error.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { toDiskError } from './durable-file.ts';
import { readIfPresent } from './read-file.ts';

/** Errors: file/missing, document/invalid, json/*. */
export async function readDocument<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  return parseDocumentBytes(schema, await readNamed(path), path);
}

/** Error: file/missing. */
export async function readNamed(path: string): Promise<Uint8Array> {
  const bytes = await readIfPresent(path);
  if (bytes === null) throw new FairleadError('file/missing', { path });
  return bytes;
}

/** What is there may be the only copy of a key. Errors: file/exists, disk/*. */
export async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode, flush: true });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new FairleadError('file/exists', { path }, { cause });
    }
    throw toDiskError(path, cause);
  }
}
