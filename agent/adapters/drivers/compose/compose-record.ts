// What the compose driver remembers of a project and of its units; it holds no secret and survives a boot, as containers may.
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import { makeDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import type { UnitOf } from '../../../ports/deploy.ts';

const composeRecord = z.strictObject({
  state: z.enum(['starting', 'started', 'stopped']),
  identity: z.string(),
  /** Engine's ids of the images that an agent of an earlier version loaded for it: later ones keep a record of images. */
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

/** Which units the rules for containers have admitted: of what was installed before them, the file says nothing. */
export interface Admissions {
  /** By these very rules; false too where the file is lost or cannot be read. */
  has(unit: UnitOf<'compose'>): Promise<boolean>;
  add(unit: UnitOf<'compose'>): Promise<void>;
}

const MOST_ADMITTED = 32;

const admissions = z.strictObject({ rules: z.int(), units: z.array(z.string()).max(MOST_ADMITTED) });

/** `rules` is another number whenever they become stricter: what ran before goes on running. */
export function createAdmissions(directory: string, rules: number): Admissions {
  const pathOf = ({ component }: UnitOf<'compose'>) =>
    join(directory, `${component.replace('/', '.')}.admitted.json`);

  async function read(unit: UnitOf<'compose'>): Promise<readonly string[]> {
    const bytes = await readIfPresent(pathOf(unit)).catch(() => null);
    try {
      const known = bytes === null ? null : parseDocumentBytes(admissions, bytes, pathOf(unit));
      return known?.rules === rules ? known.units : [];
    } catch {
      return [];
    }
  }

  return {
    has: async (unit) => (await read(unit)).includes(unit.identity),
    async add(unit) {
      const others = (await read(unit)).filter((one) => one !== unit.identity);
      await makeDirectory(directory);
      const units = [...others.slice(1 - MOST_ADMITTED), unit.identity];
      await writeDurably(pathOf(unit), canonicalize({ rules, units }));
    },
  };
}
