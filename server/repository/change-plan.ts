// A publication's change records: every release walked the pipeline, and no record is ever rewritten.

import type { ChangeRecord } from '../../shared/change/change.ts';
import { eventOf, verifyChangeRecord } from '../../shared/change/pipeline.ts';
import { digestOfValue } from '../../shared/encoding/digest.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { NewRelease } from './target-plan.ts';

/** The record as published before; null when there is none. */
export type FindChange = (id: string) => Promise<ChangeRecord | null>;

/** The records that are new or have moved on. Errors: vendor/*, publication/change-rewritten. */
export async function planChanges(
  sent: readonly ChangeRecord[],
  findChange: FindChange,
): Promise<readonly ChangeRecord[]> {
  const planned: ChangeRecord[] = [];
  for (const record of sent) {
    verifyChangeRecord(record);
    const before = await findChange(record.id);
    if (before === null || (continues(record, before) && !continues(before, record))) {
      planned.push(record);
    } else if (!continues(before, record)) {
      throw new FairleadError('publication/change-rewritten', { change: record.id });
    }
  }
  return planned;
}

/** No path outside the pipeline. Errors: publication/change-missing, publication/change-unfit. */
export async function verifyReleased(
  releases: readonly NewRelease[],
  sent: readonly ChangeRecord[],
  findChange: FindChange,
): Promise<void> {
  const byId = new Map(sent.map((record) => [record.id, record]));
  for (const { path, digest, document } of releases) {
    const change = document.change.id;
    const record = byId.get(change) ?? (await findChange(change));
    if (record === null) throw new FairleadError('publication/change-missing', { path, change });
    const problem = problemOf(record, path, digest);
    if (problem !== null) throw new FairleadError('publication/change-unfit', { path, change, problem });
  }
}

function problemOf(record: ChangeRecord, path: string, digest: string): string | null {
  const event = eventOf(record, 'release');
  if (event === undefined) return 'it has not passed the release stage';
  if (event.details.path !== path) return `it releases ${event.details.path}`;
  return event.details.release === digest ? null : `it releases the bytes ${event.details.release}`;
}

/** The first record holds every stage of the second, unchanged, and maybe more. */
function continues(longer: ChangeRecord, shorter: ChangeRecord): boolean {
  if (longer.stages.length < shorter.stages.length) return false;
  return shorter.stages.every(
    (event, index) => digestOfValue(event) === digestOfValue(longer.stages[index] ?? null),
  );
}
