// A small document of the agent's own in one file: checked when read and when written, replaced as a whole.
import { dirname } from 'node:path';
import type { z } from 'zod';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { isMomentary, isPresent, readIfPresent } from '../../../shared/node/read-file.ts';
import { replaceDurably, setAside } from '../../../shared/node/set-aside.ts';
import { encodeStored, parseStored } from '../../../shared/schema/stored-document.ts';
import type { JsonStore } from '../../ports/state.ts';

/**
 * `onDamage` hears once of a file that cannot be read; it counts as absent, for what it held can be found out again. It is
 * moved aside before the next one takes its place: a person may still want to look at it, and is told until they did.
 */
export function createJsonFile<Document>(
  path: string,
  schema: z.ZodType<Document>,
  onDamage: (problem: string) => void,
): JsonStore<Document> {
  const aside = `${path}.damaged`;
  let damage: string | null = null;
  async function read(): Promise<Document | null> {
    try {
      const bytes = await readIfPresent(path);
      const document = bytes === null ? null : parseStored(schema, bytes, path);
      damage = null;
      return document;
    } catch (error) {
      // Begun anew now, it would lose what is whole on the disk: approvals, and which of them are spent.
      if (!isFairleadError(error) || isMomentary(error)) throw error;
      if (damage === null) onDamage(error.message);
      damage = error.message;
      return null;
    }
  }

  return {
    read,
    async write(document) {
      const bytes = encodeStored(schema, document as z.input<typeof schema>, path);
      await makeDirectory(dirname(path));
      if (damage !== null) await setAside(path);
      damage = null;
      await replaceDurably(path, bytes);
    },
    async damage() {
      await read();
      if (damage !== null) return `${path} cannot be read: ${damage}`;
      return (await isPresent(aside)) ? `${path} could not be read and was begun anew: see ${aside}` : null;
    },
  };
}
