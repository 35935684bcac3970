// Change records on disk: one file each, verified whenever one is read.
import { join } from 'node:path';
import { type ChangeRecord, changeRecord } from '../../../shared/change/change.ts';
import { verifyChangeRecord } from '../../../shared/change/pipeline.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { formatRef, parseRef, type ReleaseRef, refFor } from '../../../shared/schema/release-ref.ts';
import { listFiles, writeJson } from './workspace.ts';

/** Errors: vendor/change-not-found, vendor/record-invalid, document/invalid. */
export async function readChange(directory: string, id: string): Promise<ChangeRecord> {
  const path = changeFile(directory, id);
  const bytes = /^CHG-\d{1,9}$/.test(id) ? await readIfPresent(path) : null;
  if (bytes === null) throw new FairleadError('vendor/change-not-found', { change: id });
  const record = parseDocumentBytes(changeRecord, bytes, path);
  verifyChangeRecord(record);
  return record;
}

/** In the order in which they were opened. */
export async function listChanges(directory: string): Promise<readonly ChangeRecord[]> {
  const names = await listFiles(join(directory, 'changes'));
  const ids = names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
  const records = await Promise.all(ids.map((id) => readChange(directory, id)));
  return records.toSorted((a, b) => numberOf(a.id) - numberOf(b.id));
}

export function writeChange(directory: string, record: ChangeRecord): Promise<void> {
  return writeJson(changeFile(directory, record.id), record);
}

export function nextChangeId(records: readonly ChangeRecord[]): string {
  return `CHG-${Math.max(0, ...records.map((record) => numberOf(record.id))) + 1}`;
}

export function refOfChange(record: ChangeRecord): ReleaseRef {
  return refFor(record.component, record.version);
}

/** The change behind what a person names: `CHG-7`, or a release such as `core/auth@1.0.1`. */
export async function findChange(directory: string, text: string): Promise<ChangeRecord> {
  if (text.startsWith('CHG-')) return readChange(directory, text);
  const wanted = formatRef(parseRef(text));
  const found = latestOf(await listChanges(directory), wanted);
  if (found === undefined)
    throw new FairleadError('vendor/change-not-found', { change: `change for ${wanted}` });
  return found;
}

/** The change that has a release's version, or, where none has it any more, the last that gave it up. */
export function latestOf(records: readonly ChangeRecord[], release: string): ChangeRecord | undefined {
  const about = records.filter((record) => formatRef(refOfChange(record)) === release);
  return about.find(({ result }) => result !== 'abandoned') ?? about.at(-1);
}

function changeFile(directory: string, id: string): string {
  return join(directory, 'changes', `${id}.json`);
}

function numberOf(id: string): number {
  return Number(id.slice('CHG-'.length));
}
