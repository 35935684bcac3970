// Change records on disk: one file each, verified whenever one is read.
import { join } from 'node:path';
import { type ChangeRecord, changeRecord } from '../../../shared/change/change.ts';
import { verifyChangeRecord } from '../../../shared/change/pipeline.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { type ReleaseRef, refFor } from '../../../shared/schema/release-ref.ts';
import { listFiles, writeJson } from './workspace.ts';

/** Errors: vendor/change-not-found, vendor/record-invalid, document/invalid. */
export async function readChange(directory: string, id: string): Promise<ChangeRecord> {
  const path = changeFile(directory, id);
  const bytes = /^CHG-\d{1,9}$/.test(id) ? await readIfPresent(path) : null;
  if (bytes === null) throw new FairleadError('vendor/change-not-found', { change: id });
  const record = parseDocumentBytes(changeRecord, bytes, path);
  verifyChangeRecord(record);
  // Whoever moved a copy on would write into the file of the other.
  if (record.id !== id) {
    const problem = `its file holds the record of ${record.id}; a copy goes out of the workspace`;
    throw new FairleadError('vendor/record-invalid', { change: id, problem });
  }
  return record;
}

/** In the order in which they were opened. */
export async function listChanges(directory: string): Promise<readonly ChangeRecord[]> {
  return Promise.all((await listChangeIds(directory)).map((id) => readChange(directory, id)));
}

/** In the order in which they were opened. */
export async function listChangeIds(directory: string): Promise<readonly string[]> {
  const names = await listFiles(join(directory, 'changes'));
  const ids = names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
  return ids.toSorted((a, b) => numberOf(a) - numberOf(b));
}

export function writeChange(directory: string, record: ChangeRecord): Promise<void> {
  return writeJson(changeFile(directory, record.id), record);
}

export function refOfChange(record: ChangeRecord): ReleaseRef {
  return refFor(record.component, record.version);
}

export function changeFile(directory: string, id: string): string {
  return join(directory, 'changes', `${id}.json`);
}

export function numberOf(id: string): number {
  return Number(id.slice('CHG-'.length));
}
