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

/** Which units the rules for containers have admitted, in each slot: of what was installed before them, the file says nothing. */
export interface Admissions {
  /** By which it was; null too where the file is lost or cannot be read. */
  rulesFor(unit: UnitOf<'compose'>): Promise<'these' | 'earlier' | null>;
  add(unit: UnitOf<'compose'>): Promise<void>;
}

const MOST_ADMITTED = 32;

const units = z.array(z.string()).max(MOST_ADMITTED);
/** `earlier`: by other rules than `rules`. */
const admissions = z.strictObject({ rules: z.int(), units, earlier: units.optional() });

type Admitted = Readonly<Record<'these' | 'earlier', readonly string[]>>;

const NONE: Admitted = { these: [], earlier: [] };

/** `rules` is another number whenever they become stricter: what ran before goes on running. */
export function createAdmissions(directory: string, rules: number): Admissions {
  const pathOf = ({ component }: UnitOf<'compose'>) =>
    join(directory, `${component.replace('/', '.')}.admitted.json`);

  async function read(unit: UnitOf<'compose'>): Promise<Admitted> {
    const bytes = await readIfPresent(pathOf(unit)).catch(() => null);
    try {
      if (bytes === null) return NONE;
      const known = parseDocumentBytes(admissions, bytes, pathOf(unit));
      const { earlier = [] } = known;
      return known.rules === rules
        ? { these: known.units, earlier }
        : { these: [], earlier: [...earlier, ...known.units] };
    } catch {
      return NONE;
    }
  }

  return {
    async rulesFor(unit) {
      const { these, earlier } = await read(unit);
      if (these.includes(unit.identity)) return 'these';
      return earlier.includes(unit.identity) ? 'earlier' : null;
    },
    async add(unit) {
      const { these, earlier } = await read(unit);
      const others = (list: readonly string[]) => list.filter((one) => one !== unit.identity);
      const before = others(earlier).slice(-MOST_ADMITTED);
      await makeDirectory(directory);
      const admitted = {
        ...{ rules, units: [...others(these).slice(1 - MOST_ADMITTED), unit.identity] },
        ...(before.length === 0 ? {} : { earlier: before }),
      };
      await writeDurably(pathOf(unit), canonicalize(admitted));
    },
  };
}
