// A small document of the agent's own in one file: checked when read, replaced as a whole.
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { toDiskError } from '../../../shared/errors/system-error.ts';
import { makeDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { isMomentary, readIfPresent } from '../../../shared/node/read-file.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { JsonStore } from '../../ports/json-store.ts';

/**
 * `onDamage` hears of a file that cannot be read; it counts as absent, for what it held can be found out again. It is moved
 * aside before the next one takes its place: a person may still want to look at it.
 */
export function createJsonFile<Document>(
  path: string,
  schema: z.ZodType<Document>,
  onDamage: (problem: string) => void,
): JsonStore<Document> {
  let damaged = false;
  return {
    async read() {
      try {
        const bytes = await readIfPresent(path);
        return bytes === null ? null : parseDocumentBytes(schema, bytes, path);
      } catch (error) {
        // Begun anew now, it would lose what is whole on the disk: approvals, and which of them are spent.
        if (!isFairleadError(error) || isMomentary(error)) throw error;
        onDamage(error.message);
        damaged = true;
        return null;
      }
    },
    async write(document) {
      await makeDirectory(dirname(path));
      if (damaged) await setAside(path);
      damaged = false;
      await writeDurably(path, utf8(`${JSON.stringify(document, null, 2)}\n`));
    },
  };
}

async function setAside(path: string): Promise<void> {
  await rename(path, `${path}.damaged`).catch((cause) => {
    throw toDiskError(path, cause);
  });
}
