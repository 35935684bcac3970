// A server out of its backups: the fleet as it stood, what was published and taken away since, and signatures that no agent takes for old ones.
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { makeDirectory, writeDurably } from '../../shared/node/durable-file.ts';
import { forEachBounded } from '../../shared/node/turns.ts';
import { nameList, type SetName } from '../core/backup-names.ts';
import type { DatabaseAddress } from '../core/database-address.ts';
import { appendAudit, listRestores } from '../db/audit.ts';
import { readAuditHead } from '../db/audit-chain.ts';
import { writeBackupMark } from '../db/backup-marks.ts';
import { findChange, recordPublication } from '../db/changes.ts';
import { openDatabase } from '../db/database.ts';
import { inPublishingTurn } from '../db/publishing.ts';
import { type Replayed, replayAudit } from '../db/replay.ts';
import type { Database } from '../db/tables.ts';
import { transact } from '../db/transact.ts';
import { type Commit, finishCommit, versionOf } from '../repository/commit.ts';
import type { Layout } from '../repository/layout.ts';
import { TIMESTAMP } from '../repository/names.ts';
import type { OnlineKeys } from '../repository/online-keys.ts';
import { createPublisher } from '../repository/publisher.ts';
import type { RepositoryStore } from '../repository/store.ts';
import { readBackupLog } from './log.ts';
import type { BackupPlace } from './place.ts';
import { findPublished, listPublished, readPublished } from './published.ts';
import { collect } from './sealed.ts';
import { type BackupSet, type CopiedFile, readList } from './set.ts';
import { fetchDatabase } from './snapshot.ts';

/** Where a server is put together. */
export interface Restoring {
  readonly place: BackupPlace;
  readonly layout: Layout;
  /** Of an embedded fleet the file in `layout`; PostgreSQL was restored by its own means. */
  readonly address: DatabaseAddress;
  /** What stands there already stays. */
  readonly store: RepositoryStore;
  readonly now: () => EpochMs;
  /** Asked for once the sealed keys are in their place. */
  readonly openKeys: () => Promise<OnlineKeys>;
  /** Packs are read and compared, and not written: for one who only tries it. */
  readonly packsStay?: boolean;
}

export interface Restored {
  readonly replayed: Replayed;
  /** Published since the copy of the fleet. */
  readonly publications: number;
  readonly files: number;
}

/** May be repeated on what it left. The caller owns `db`'s end. Errors: backup/*, server/*, vendor/wrong-passphrase, disk/*. */
export async function restoreServer(
  restoring: Restoring,
  name: SetName,
  set: BackupSet,
): Promise<{ readonly db: Database; readonly restored: Restored }> {
  const { place, layout, address, store, now } = restoring;
  await restoreSmallFiles(layout, set);
  if (set.database !== null && address.kind === 'file')
    await fetchDatabase(place, set.database, layout.database);
  const commits = await readCommits(place, name, set);
  // First that of the last publication: in the set's, the bytes of an abandoned one may stand under a name that came out since.
  // That of the set alone has the roots that a later one waited for: a root is shown with its publication.
  const lists = new Set([commits.at(-1)?.list ?? set.repository.list, set.repository.list]);
  let files = 0;
  for (const list of lists) files = Math.max(files, await restoreFiles(restoring, list));
  const db = await openDatabase(address);
  try {
    const { count } = await readAuditHead(db);
    const published = new Map(commits.map(({ commit }) => [commit.id, commit]));
    // PostgreSQL may stand at a time long before the set: then it lacks publications that the set has shown already.
    const find = async (id: string) => published.get(id) ?? (await findPublished(place, id));
    const replayed = await replayAudit(db, readBackupLog(place, count), find);
    await showTimestamp(store, set);
    for (const { commit } of commits) await showCommit(commit, { db, store, now });
    await signAnew(restoring, db);
    return {
      db,
      restored: { replayed, files, publications: commits.filter(({ isLater }) => isLater).length },
    };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

async function restoreSmallFiles({ dir, keys }: Layout, { files }: BackupSet): Promise<void> {
  await makeDirectory(dir);
  await makeDirectory(keys);
  for (const { name, bytes } of files) await writeDurably(join(dir, name), Buffer.from(bytes, 'base64'));
}

interface Sent {
  readonly commit: Commit;
  readonly list: string;
  /** Than what was shown when the set was made. */
  readonly isLater: boolean;
}

/** So long before the set, by the clocks of two: what was sent meanwhile is recorded once, however often it comes. */
const SLACK_MS = 10 * 60_000;

async function readCommits(place: BackupPlace, { at }: SetName, set: BackupSet): Promise<readonly Sent[]> {
  const { timestamp } = set.repository;
  const shown = timestamp === null ? 0 : versionOf(Buffer.from(timestamp, 'base64'));
  const later = (await listPublished(place)).filter((one) => one.timestamp > shown || one.at > at - SLACK_MS);
  const found: Sent[] = [];
  for (const one of later) {
    const isLater = one.timestamp > shown;
    found.push({ commit: await readPublished(place, one), list: one.list, isLater });
  }
  return found;
}

const PARALLEL = 8;
const SMALL_BYTES = 2 ** 20;

async function restoreFiles(restoring: Restoring, list: string): Promise<number> {
  const files = await readList(restoring.place, nameList(list));
  await forEachBounded(files, PARALLEL, (file) => restoreFile(restoring, file));
  return files.length;
}

async function restoreFile(
  { place, store, layout, packsStay }: Restoring,
  [name, , object, bytes, sha256]: CopiedFile,
): Promise<void> {
  if ((await store.tagOf(name)) !== null) return;
  const hash = createHash('sha256');
  const checked = async function* () {
    for await (const piece of place.read(object)) {
      hash.update(piece);
      yield piece;
    }
    if (hash.digest('hex') !== sha256)
      throw new FairleadError('backup/damaged', { name: object, problem: `it is not ${name}` });
  };
  if (packsStay === true && name.endsWith('.pack')) {
    for await (const _ of checked());
    return;
  }
  if (bytes <= SMALL_BYTES) return store.write(name, await collect(checked()));
  await makeDirectory(layout.uploads);
  const file = join(layout.uploads, randomUUID());
  try {
    await pipeline(Readable.from(checked()), createWriteStream(file, { mode: 0o644, flush: true }));
    await store.take(name, file);
  } finally {
    await rm(file, { force: true });
  }
}

/** A repository of its own place may have been spared, and be newer. */
async function showTimestamp(store: RepositoryStore, { repository }: BackupSet): Promise<void> {
  if (repository.timestamp === null) return;
  const bytes = Buffer.from(repository.timestamp, 'base64');
  if ((await shownVersion(store)) < versionOf(bytes)) await store.write(TIMESTAMP, bytes);
}

async function shownVersion(store: RepositoryStore): Promise<number> {
  const shown = await store.read(TIMESTAMP);
  return shown === null ? 0 : versionOf(shown.bytes);
}

/** As the server that died would have finished it. It counted as published from when it was sent: nobody has to send it again. */
async function showCommit(
  commit: Commit,
  { db, store, now }: Pick<Restoring, 'store' | 'now'> & { readonly db: Database },
): Promise<void> {
  await inPublishingTurn(db, async (turn) => {
    const record = (one: Commit) => recordPublication(db, one, turn.id, now());
    const { follows: _, ...planned } = commit;
    const version = commit.timestamp === null ? 0 : versionOf(Buffer.from(commit.timestamp, 'base64'));
    const isNewer = version > (await shownVersion(store));
    await finishCommit(isNewer ? planned : { ...planned, roots: [], timestamp: null }, {
      store,
      turn,
      record,
    });
  });
}

/** Versions follow the clock: snapshot and timestamp are above all that the lost server signed after its last backup. */
async function signAnew({ store, now, openKeys }: Restoring, db: Database): Promise<void> {
  const publisher = await createPublisher({
    ...{ store, keys: await openKeys(), now },
    findChange: (id) => findChange(db, id),
    inTurn: (work) => inPublishingTurn(db, work),
    recordCommit: (commit, turn) => recordPublication(db, commit, turn.id, now()),
  });
  await publisher.renew();
  await publisher.stop();
}

/**
 * Installs were shown entries that are gone, and say so: this one explains it to them, and to whoever reads the log. What is restored
 * once more on top of it begins before it.
 */
export async function noteRestored(
  db: Database,
  { sequence, at }: SetName,
  replayed: Replayed,
  now: EpochMs,
): Promise<void> {
  await transact(db, 'committed', async (trx) => {
    const { count } = await readAuditHead(trx);
    const details = { set: formatInstant(at), replayed: replayed.entries, count };
    const entry = { actor: 'server', action: 'backup.restored', subject: `backup ${sequence}` };
    await appendAudit(trx, { ...entry, details }, now);
    await writeBackupMark(trx, 'restores', await listRestores(trx));
  });
}
