// A small document of the agent's own in one file: checked when read, replaced as a whole.
import { dirname } from 'node:path';
import type { z } from 'zod';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { isFairleadError } from '../../shared/errors/error.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import type { JsonStore } from '../ports/json-store.ts';
import { makeDirectory, writeDurably } from './durable-file.ts';
import { readIfPresent } from './read-file.ts';

/** `onDamage` hears of a file that cannot be read; it counts as absent, for what it held can be found out again. */
export function createJsonFile<Document>(
  path: string,
  schema: z.ZodType<Document>,
  onDamage: (problem: string) => void,
): JsonStore<Document> {
  return {
    async read() {
      try {
        const bytes = await readIfPresent(path);
        return bytes === null ? null : parseDocumentBytes(schema, bytes, path);
      } catch (error) {
        if (!isFairleadError(error)) throw error;
        onDamage(error.message);
        return null;
      }
    },
    async write(document) {
      await makeDirectory(dirname(path));
      await writeDurably(path, utf8(`${JSON.stringify(document, null, 2)}\n`));
    },
  };
}
