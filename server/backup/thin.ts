// What goes from the place of the backups: sets that have served their time, and then whatever no set leads to any more.
import { durationMs, type EpochMs } from '../../shared/encoding/instant.ts';
import { isFairleadError } from '../../shared/errors/error.ts';
import {
  DATA,
  FILES,
  LISTS,
  LOG,
  nameList,
  PUBLISHED,
  parseLog,
  parsePublished,
  type SetName,
  sequenceOfData,
} from '../core/backup-names.ts';
import { BACKUPS_KEPT_MS, MOST_BACKUP_BYTES, selectExpired } from '../core/backup-retention.ts';
import type { BackupPlace } from './place.ts';
import { readList } from './set.ts';

export async function filesThere(place: BackupPlace): Promise<ReadonlySet<string>> {
  return new Set(await place.list(FILES));
}

/** Before there is no room for the next one, of about the size of the last: a full disk would never become empty by itself. */
export async function makeRoom(place: BackupPlace, sets: readonly SetName[], now: EpochMs): Promise<void> {
  const room = await place.room();
  const last = sets.at(-1)?.bytes ?? 0;
  const used = sets.reduce((sum, { bytes }) => sum + bytes, 0);
  if (room === null || room >= 2 * last) return;
  await removeSets(place, selectExpired(sets, now, Math.max(0, used + room - 2 * last)));
}

/** What led nowhere when it was last looked at; it goes when it still does so an hour later. */
export interface Suspects {
  readonly at: EpochMs;
  readonly names: ReadonlySet<string>;
}

export const NO_SUSPECTS: Suspects = { at: Number.NEGATIVE_INFINITY, names: new Set() };
const SWEEP_MS = durationMs('PT1H');

/** With the first backup of a process, and then every hour. */
export function isSweepDue(suspects: Suspects, now: EpochMs): boolean {
  return Math.abs(now - suspects.at) >= SWEEP_MS;
}

export interface ThinnedOut {
  readonly removed: number;
  readonly suspects: Suspects;
}

/** A kill in between leaves what the next call finds. Errors: backup/*. */
export async function thinOut(
  place: BackupPlace,
  sets: readonly SetName[],
  suspects: Suspects,
  now: EpochMs,
): Promise<ThinnedOut> {
  const expired = selectExpired(sets, now, MOST_BACKUP_BYTES);
  await removeSets(place, expired);
  const kept = sets.filter((one) => !expired.includes(one));
  await removeData(place, kept);
  const removed = expired.length;
  if (!isSweepDue(suspects, now)) return { removed, suspects };
  await removeOldActs(place, now);
  return { removed, suspects: { at: now, names: await sweep(place, kept, suspects) } };
}

/** The set first: without it nothing counts that it led to. */
async function removeSets(place: BackupPlace, sets: readonly SetName[]): Promise<void> {
  for (const { name } of sets) await place.remove(name);
}

/** What no set is about any more, and what was cut off before there was one. What is being made has a higher number. */
async function removeData(place: BackupPlace, kept: readonly SetName[]): Promise<void> {
  const sequences = new Set(kept.map(({ sequence }) => sequence));
  const newest = Math.max(0, ...sequences);
  for (const name of await place.list(DATA)) {
    const sequence = sequenceOfData(name);
    if (sequence <= newest && !sequences.has(sequence)) await place.remove(name);
  }
}

/** Twice as long as a set is kept: the oldest of them needs all that came after it. */
async function removeOldActs(place: BackupPlace, now: EpochMs): Promise<void> {
  const old = [
    ...(await place.list(LOG)).flatMap((name) => parseLog(name) ?? []),
    ...(await place.list(PUBLISHED)).flatMap((name) => parsePublished(name) ?? []),
  ].filter(({ at }) => now - at > 2 * BACKUPS_KEPT_MS);
  for (const { name } of old) await place.remove(name);
}

/**
 * Lists that neither a set nor a publication names, and files that stand in no list. A publication that is under way has sent
 * both and is not named yet: so each is looked at twice before it goes. A list whose key was thrown away keeps everything, for as
 * long as something names it.
 */
async function sweep(
  place: BackupPlace,
  kept: readonly SetName[],
  suspects: Suspects,
): Promise<ReadonlySet<string>> {
  const [lists, files] = [await place.list(LISTS), await place.list(FILES)];
  const published = (await place.list(PUBLISHED)).flatMap((name) => parsePublished(name) ?? []);
  const named = new Set([...kept, ...published].map(({ list }) => nameList(list)));
  const listed = new Set<string>();
  for (const name of lists.filter((one) => named.has(one))) {
    const files = await readList(place, name).catch(nullWithoutKey);
    if (files === null) return new Set();
    for (const [, , file] of files) listed.add(file);
  }
  const unnamed = [...files.filter((name) => !listed.has(name)), ...lists.filter((name) => !named.has(name))];
  const gone = unnamed.filter((name) => suspects.names.has(name));
  for (const name of gone) await place.remove(name);
  return new Set(unnamed.filter((name) => !suspects.names.has(name)));
}

function nullWithoutKey(error: unknown): null {
  if (isFairleadError(error, 'backup/key-unknown')) return null;
  throw error;
}
