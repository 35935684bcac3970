// What every change record said when it was read, for as long as its file is the same one: no command reads a long history again.
import { lstatSync } from 'node:fs';
import { z } from 'zod';
import { type ChangeRecord, changeRecord, STAGES, type Stage } from '../../../shared/change/change.ts';
import { stageDue } from '../../../shared/change/pipeline.ts';
import {
  type Digest,
  digestFromHex,
  digestOfValue,
  hexOf,
  isDigest,
} from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { absentOr } from '../../../shared/node/read-file.ts';
import { formatRef, parseRef } from '../../../shared/schema/release-ref.ts';
import { changeFile, listChangeIds, numberOf, readChange, refOfChange } from './changes.ts';
import { readMemory, writeMemory } from './workspace.ts';

export interface KnownChange {
  readonly id: string;
  /** The release that it is about: `core/auth@1.0.1`. */
  readonly release: string;
  /** The stage that comes next; null when it has ended. */
  readonly due: Stage | null;
  readonly result: ChangeRecord['result'];
  /** Of the whole record, as the server is told. */
  readonly digest: Digest;
}

interface Found {
  readonly change: KnownChange;
  /** Which file said so: see `identityOf`. */
  readonly file: string | null;
}

const memory = z.strictObject({
  schema: z.literal('fairlead/known-changes@2'),
  /** A line for each, as `linesOf` writes it: thousands of objects would take longer to read than the records that changed. */
  changes: z.string(),
});

const FILE = 'known-changes.json';

/** In the order in which they were opened. Errors: as of `readChange`, of any that was written since. */
export async function listKnownChanges(directory: string): Promise<readonly KnownChange[]> {
  return (await look(directory)).changes;
}

/** The same; what was read for it is remembered. Only while no other command writes in the workspace. Errors: as above, disk/*. */
export async function rememberChanges(directory: string): Promise<readonly KnownChange[]> {
  const { changes, found, isNews } = await look(directory);
  if (isNews) {
    const lines = found.flatMap(linesOf).join('\n');
    const value: z.input<typeof memory> = { schema: 'fairlead/known-changes@2', changes: lines };
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

async function look(directory: string) {
  const known = await readKnown(directory);
  const ids = await listChangeIds(directory);
  const settled = BigInt(Date.now() - UNSETTLED_MS) * 1_000_000n;
  let isNews = ids.length < known.size;
  const found = await Promise.all(
    ids.map(async (id): Promise<Found> => {
      const file = identityOf(changeFile(directory, id), settled);
      const before = known.get(id);
      if (before !== undefined && before.file === file) return before;
      if (file !== null) isNews = true;
      return { change: summaryOf(await readChange(directory, id)), file };
    }),
  );
  return { changes: found.map(({ change }) => change), found, isNews };
}

async function readKnown(directory: string): Promise<ReadonlyMap<string, Found>> {
  const memorized = await readMemory(directory, FILE, memory);
  const known = new Map<string, Found>();
  for (const line of memorized?.changes.split('\n') ?? []) {
    const found = parseLine(line);
    if (found !== null) known.set(found.change.id, found);
  }
  return known;
}

/** None of what may be written again without a trace. */
function linesOf({ change, file }: Found): readonly string[] {
  const { id, release, due, result, digest } = change;
  return file === null ? [] : [[id, release, due ?? ENDED, result, hexOf(digest), file].join('\t')];
}

/** Null for what is no line of `linesOf`: its change is read again. */
function parseLine(line: string): Found | null {
  const [id = '', release = '', stage, outcome, hex = '', file = ''] = line.split('\t');
  const digest = digestFromHex(hex);
  const due = stage === ENDED ? null : STAGES.find((one) => one === stage);
  const result = changeRecord.shape.result.options.find((one) => one === outcome);
  if (due === undefined || result === undefined || !isDigest(digest)) return null;
  return { change: { id, release, due, result, digest }, file };
}

const ENDED = '-';

function summaryOf(record: ChangeRecord): KnownChange {
  return {
    id: record.id,
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
