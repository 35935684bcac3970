// One backup from its first step to its last: small files, the fleet, the log, the repository, and then the set that makes it one.
import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
import { makeDirectory } from '../../shared/node/durable-file.ts';
import { namesIfPresent, readIfPresent } from '../../shared/node/read-file.ts';
import {
  DATA,
  nameData,
  nameSet,
  parseSet,
  SETS,
  type SetName,
  sequenceOfData,
} from '../core/backup-names.ts';
import type { DatabaseAddress } from '../core/database-address.ts';
import { readAuditHead, readFirstDigest } from '../db/audit-chain.ts';
import { readBackupMark } from '../db/backup-marks.ts';
import { openDatabase } from '../db/database.ts';
import type { Database } from '../db/tables.ts';
import type { Layout } from '../repository/layout.ts';
import { TIMESTAMP } from '../repository/names.ts';
import type { RepositoryStore } from '../repository/store.ts';
import { sendLog } from './log.ts';
import type { BackupPlace } from './place.ts';
import { copyRepository, type Known, NOTHING_KNOWN, readKnown } from './repository-copy.ts';
import { type BackupSet, encodeSet } from './set.ts';
import { copyDatabase, sendDatabase } from './snapshot.ts';
import { filesThere, isSweepDue, makeRoom, NO_SUSPECTS, thinOut } from './thin.ts';

/** A server whose backups these are. */
export interface BackedUp {
  readonly layout: Layout;
  readonly address: DatabaseAddress;
  readonly db: Database;
  readonly store: RepositoryStore;
  readonly place: BackupPlace;
  readonly now: () => EpochMs;
}

export interface Taken {
  readonly set: SetName;
  readonly tookMs: number;
  readonly removed: number;
}

export interface Taking {
  take(): Promise<Taken>;
}

/** Remembers, from one to the next, which files are there already. */
export function createTaking(server: BackedUp): Taking {
  let known: Known | null = null;
  let suspects = NO_SUSPECTS;
  return {
    take: async () => {
      const began = performance.now();
      // First: what is in the way there may be why the last one did not come to its end.
      if (isSweepDue(suspects, server.now())) await server.place.tidy();
      const sets = await listSets(server.place);
      known ??= await readLast(server.place, sets);
      await makeRoom(server.place, sets, server.now());
      const taken = await takeOne(server, sets, known);
      known = taken.known;
      const thinned = await thinOut(server.place, [...sets, taken.set], suspects, server.now());
      suspects = thinned.suspects;
      return { set: taken.set, removed: thinned.removed, tookMs: performance.now() - began };
    },
  };
}

/** Oldest first. */
export async function listSets(place: BackupPlace): Promise<readonly SetName[]> {
  const sets = (await place.list(SETS)).flatMap((name) => parseSet(name) ?? []);
  return sets.toSorted((a, b) => a.sequence - b.sequence);
}

/** Nothing is known where it cannot be read: after an exchange of keys all of it is sealed anew. */
async function readLast(place: BackupPlace, sets: readonly SetName[]): Promise<Known> {
  const last = sets.at(-1);
  return last === undefined ? NOTHING_KNOWN : readKnown(place, last.list).catch(() => NOTHING_KNOWN);
}

async function takeOne(server: BackedUp, sets: readonly SetName[], before: Known) {
  const { db, store, place, now } = server;
  const at = now();
  const begun = (await place.list(DATA)).map(sequenceOfData);
  // What was cut off has its number for itself: what stands under a name stays.
  const sequence = Math.max(0, sets.at(-1)?.sequence ?? 0, ...begun) + 1;
  // Before the database: a checkpoint of its log must not be ahead of the copy.
  const files = await readSmallFiles(server.layout);
  const { database, sealed, audit } = await takeFleet(server, nameData(sequence, at));
  // From where it ended, not from the copy: older backups need what came between.
  const kept = (await readBackupMark(db, 'log'))?.count ?? audit.count;
  await sendLog(place, db, Math.min(kept, audit.count), now());
  // Before the list: what it leads to is in that then.
  const timestamp = (await store.read(TIMESTAMP))?.bytes ?? null;
  const there = await filesThere(place);
  const known = await copyRepository(store, place, before, (name) => there.has(name));
  const first = await readFirstDigest(db);
  if (first === null) throw new Error('a fleet has the entry of its first token');
  const set = nameSet({ sequence, at, bytes: sealed, list: known.list });
  const repository = { list: known.list, timestamp: timestamp?.toString('base64') ?? null };
  const told = {
    at: formatInstant(at),
    version: manifest.version,
    first,
    audit,
    database,
    files,
    repository,
  };
  await place.put(set.name, encodeSet(told));
  return { set, known };
}

/** PostgreSQL has backups of its own; of it the log is taken, which says how far those reach. */
async function takeFleet({ layout, address, db, place }: BackedUp, name: string) {
  if (address.kind !== 'file') return { database: null, sealed: 0, audit: await readAuditHead(db) };
  const directory = layout.backupStaging;
  await makeDirectory(directory);
  const copy = join(directory, `.${randomUUID()}.tmp`);
  try {
    await copyDatabase(layout.database, copy);
    const opened = await openDatabase({ ...address, path: copy });
    const audit = await readAuditHead(opened).finally(() => opened.destroy());
    return { ...(await sendDatabase(place, name, copy)), audit };
  } finally {
    await rm(copy, { force: true });
  }
}

const MOST_FILE_BYTES = 2 ** 20;
/** Locks, the database, and what was put aside. */
const NOT_TAKEN = /^\.|\.db(?:-\w+)?$|\.moved|\.damaged|\.jsonl$/;

/** Sealed keys, marks, the passphrase where `init` made it: what a server needs beside its database. */
async function readSmallFiles({ dir, keys }: Layout): Promise<BackupSet['files']> {
  const found: BackupSet['files'] = [];
  for (const [directory, before] of [
    [dir, ''],
    [keys, 'keys/'],
  ] as const) {
    for (const name of (await namesIfPresent(directory)).toSorted()) {
      const path = join(directory, name);
      const isWanted = /^[\w-][\w.-]{0,99}$/.test(name) && !NOT_TAKEN.test(name);
      const about = isWanted ? await stat(path).catch(() => null) : null;
      if (about?.isFile() !== true || about.size > MOST_FILE_BYTES) continue;
      const bytes = await readIfPresent(path, MOST_FILE_BYTES);
      if (bytes !== null) found.push({ name: before + name, bytes: Buffer.from(bytes).toString('base64') });
    }
  }
  return found;
}
