// The vendor's policy of how long releases stay to be had, in a file of the workspace, and the days that were signed by it.
import { join } from 'node:path';
import { z } from 'zod';
import { eventOf } from '../../../shared/change/pipeline.ts';
import { type EpochMs, instantMs } from '../../../shared/encoding/instant.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { Release } from '../../../shared/schema/release.ts';
import { DEFAULT_YEARS, lastDay, MOST_YEARS } from '../core/retention.ts';
import { listChanges } from './changes.ts';
import { readNewest, readPending } from './metadata.ts';
import { notesIn } from './sboms.ts';
import { writeJson } from './workspace.ts';

/** Beside vendor.json, which programs of an earlier version read strictly. */
const retention = z.strictObject({
  schema: z.literal('fairlead/retention@1'),
  years: z.int().min(1).max(MOST_YEARS),
});

const fileIn = (directory: string) => join(directory, 'retention.json');

/** Ten where nobody said. Errors: document/invalid, disk/unreadable. */
export async function readYears(directory: string): Promise<number> {
  const path = fileIn(directory);
  const bytes = await readIfPresent(path);
  return bytes === null ? DEFAULT_YEARS : parseDocumentBytes(retention, bytes, path).years;
}

export function writeYears(directory: string, years: number): Promise<void> {
  return writeJson(fileIn(directory), { schema: 'fairlead/retention@1', years });
}

/** The day by the policy for a release that is out: from when its change was released, as its record has it. */
export async function createDays(directory: string, years: number): Promise<(document: Release) => string> {
  const released = new Map<string, EpochMs>();
  for (const record of await listChanges(directory)) {
    const event = eventOf(record, 'release');
    if (event !== undefined) released.set(record.id, instantMs(event.at));
  }
  return ({ change }) => lastDay(released.get(change.id) ?? instantMs(change.builtAt), years);
}

/**
 * The day by the policy for a release that comes out now, by its path. One that was given before stands: a command that is repeated, maybe in
 * another year, finds what it signed.
 */
export async function createNewDays(directory: string, now: EpochMs): Promise<(path: string) => string> {
  const today = lastDay(now, await readYears(directory));
  const files = [await readPending(directory, 'releases'), await readNewest(directory, 'releases')];
  const given = files.map(notesIn);
  return (path) =>
    given.map((notes) => notes.get(path)?.availableUntil).find((day) => day !== undefined) ?? today;
}
