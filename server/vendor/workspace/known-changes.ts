// What every change record said when it was read, for as long as its file is the same one: no command reads a long history again.
import { lstatSync } from 'node:fs';
import { z } from 'zod';
import { type ChangeRecord, changeRecord, STAGES } from '../../../shared/change/change.ts';
import { stageDue } from '../../../shared/change/pipeline.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { absentOr } from '../../../shared/node/read-file.ts';
import { changeRef, digest } from '../../../shared/schema/common.ts';
import { formatRef, parseRef } from '../../../shared/schema/release-ref.ts';
import { changeFile, listChangeIds, numberOf, readChange, refOfChange } from './changes.ts';
import { readMemory, writeMemory } from './workspace.ts';

const knownChange = z.strictObject({
  /** The release that it is about: `core/auth@1.0.1`. */
  release: z.string(),
  /** The stage that comes next; null when it has ended. */
  due: z.enum(STAGES).nullable(),
  result: changeRecord.shape.result,
  /** Of the whole record, as the server is told. */
  digest,
  /** Which file said so: see `identityOf`. */
  file: z.string(),
});

const memory = z.strictObject({
  schema: z.literal('fairlead/known-changes@1'),
  changes: z.record(changeRef.shape.id, knownChange),
});

export type KnownChange = Omit<z.output<typeof knownChange>, 'file'> & { readonly id: string };

const FILE = 'known-changes.json';

/** In the order in which they were opened. Errors: as of `readChange`, of any that was written since. */
export async function listKnownChanges(directory: string): Promise<readonly KnownChange[]> {
  return (await look(directory)).changes;
}

/** The same; what was read for it is remembered. Only while no other command writes in the workspace. Errors: as above, disk/*. */
export async function rememberChanges(directory: string): Promise<readonly KnownChange[]> {
  const { changes, entries, isNews } = await look(directory);
  if (isNews) {
    const value: z.input<typeof memory> = { schema: 'fairlead/known-changes@1', changes: entries };
    await writeMemory(directory, FILE, value);
  }
  return changes;
}

/** The change behind what a person names: `CHG-7`, or a release such as `core/auth@1.0.1`. */
export async function findChange(directory: string, text: string): Promise<ChangeRecord> {
  if (text.startsWith('CHG-')) return readChange(directory, text);
  const wanted = formatRef(parseRef(text));
  const found = latestOf(await listKnownChanges(directory), wanted);
  if (found === undefined)
    throw new FairleadError('vendor/change-not-found', { change: `change for ${wanted}` });
  return readChange(directory, found.id);
}

/** The change that has a release's version, or, where none has it any more, the last that gave it up. */
export function latestOf(changes: readonly KnownChange[], release: string): KnownChange | undefined {
  const about = changes.filter((change) => change.release === release);
  return about.find(({ result }) => result !== 'abandoned') ?? about.at(-1);
}

export function nextChangeId(changes: readonly Pick<KnownChange, 'id'>[]): string {
  return `CHG-${Math.max(0, ...changes.map(({ id }) => numberOf(id))) + 1}`;
}

type Entries = z.output<typeof memory>['changes'];

async function look(directory: string) {
  const known = new Map(Object.entries((await readMemory(directory, FILE, memory))?.changes ?? {}));
  const ids = await listChangeIds(directory);
  const settled = BigInt(Date.now() - UNSETTLED_MS) * 1_000_000n;
  let isNews = ids.length < known.size;
  const found = await Promise.all(
    ids.map(async (id) => {
      const file = identityOf(changeFile(directory, id), settled);
      const before = known.get(id);
      if (before !== undefined && file !== null && before.file === file) return [id, before] as const;
      const entry = { ...summaryOf(await readChange(directory, id)), file: file ?? '' };
      if (file !== null) isNews = true;
      return [id, entry] as const;
    }),
  );
  const changes = found.map(([id, { file: _, ...about }]) => ({ id, ...about }));
  const entries: Entries = Object.fromEntries(found.filter(([, { file }]) => file !== ''));
  return { changes, entries, isNews };
}

function summaryOf(record: ChangeRecord): Omit<KnownChange, 'id'> {
  return {
    release: formatRef(refOfChange(record)),
    due: stageDue(record),
    result: record.result,
    digest: digestOfValue(record),
  };
}

/** Whoever writes a file within the same tick of the clock leaves no trace in its times: what is so young is read. */
const UNSETTLED_MS = 2_000;

/**
 * Another one after every write: records are renamed into place, so that each has an inode of its own, and whoever edits one
 * moves the time of its last change, which no program can set. Null for one that may be written again without a trace.
 */
function identityOf(path: string, settled: bigint): string | null {
  try {
    const { ino, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    return ctimeNs < settled ? `${ino} ${size} ${mtimeNs} ${ctimeNs}` : null;
  } catch (cause) {
    return absentOr(path, cause, null);
  }
}
