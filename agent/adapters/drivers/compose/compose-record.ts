// What the compose driver remembers of a project; it holds no secret and survives a boot, as containers may.
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import { makeDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';

const composeRecord = z.strictObject({
  state: z.enum(['starting', 'started', 'stopped']),
  identity: z.string(),
  /** Digests of the images that were loaded for it. */
  images: z.array(z.string()),
});

export type ComposeRecord = z.output<typeof composeRecord>;

export interface ComposeRecords {
  /** Null when nothing was ever started. Errors: document/invalid, disk/failed. */
  read(component: ComponentKey): Promise<ComposeRecord | null>;
  write(component: ComponentKey, record: ComposeRecord): Promise<void>;
}

export function createComposeRecords(directory: string): ComposeRecords {
  const pathOf = (component: ComponentKey) => join(directory, `${component.replace('/', '.')}.compose.json`);
  return {
    async read(component) {
      const bytes = await readIfPresent(pathOf(component));
      return bytes === null ? null : parseDocumentBytes(composeRecord, bytes, pathOf(component));
    },
    async write(component, record) {
      await makeDirectory(directory);
      await writeDurably(pathOf(component), canonicalize(record));
    },
  };
}
