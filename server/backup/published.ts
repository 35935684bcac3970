// What is published, at the place of the backups before anybody sees it: so no agent ever saw what a restored server does not have.
import { utf8 } from '../../shared/encoding/bytes.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { namePublished, PUBLISHED, type PublishedName, parsePublished } from '../core/backup-names.ts';
import { readFirstDigest } from '../db/audit-chain.ts';
import { type Commit, parseCommit, versionOf } from '../repository/commit.ts';
import { TIMESTAMP } from '../repository/names.ts';
import type { RepositoryStore } from '../repository/store.ts';
import { notKept, within } from './keeper.ts';
import { type BackupConfig, type BackupPlace, openPlace } from './place.ts';
import { copyRepository, type Known, NOTHING_KNOWN, readKnown } from './repository-copy.ts';
import { type BackedUp, listSets } from './take.ts';

/** Of a commit's id, which is a digest. */
const ID_DIGITS = 16;

/** Sends a commit, and every file that it leads to, before it is made visible. Errors: backup/place-failed, and those of the store. */
export type SendCommit = (commit: Commit) => Promise<void>;

/** What the publisher's thread is given beside what it needs to publish. */
export interface BackupData {
  /** Null where no backups are kept. */
  readonly backup: BackupConfig | null;
}

/** As long as others wait for a turn to publish. */
const SEND_MS = 60_000;

/** A brake waits for no disk: what it stops goes on meanwhile. */
const SEND_HALT_MS = 5_000;

/**
 * For a publisher; `send` throws backup/not-kept, and what it has sent by then the next attempt finds there. Halts that the
 * server signs by itself go out all the same.
 */
export function keepCommits(
  config: BackupConfig,
  { layout, db, store, now }: Pick<BackedUp, 'layout' | 'db' | 'store' | 'now'>,
): { readonly send: SendCommit; close(): Promise<void> } {
  const place = openPlace(config, layout.backupStaging);
  const send = createSendCommit(store, place, now);
  const verifiedAnd = async (commit: Commit) => {
    await place.verify((await readFirstDigest(db)) ?? '');
    await send(commit);
  };
  return {
    send: (commit) => {
      const isBrake = (commit.halted ?? []).length > 0;
      return within(isBrake ? SEND_HALT_MS : SEND_MS, verifiedAnd(commit)).catch((cause: unknown) => {
        if (!isBrake) throw notKept(place.place, cause, false);
      });
    },
    close: () => place.close(),
  };
}

/** Remembers the list of files that it read or wrote last. */
export function createSendCommit(store: RepositoryStore, place: BackupPlace, now: () => EpochMs): SendCommit {
  let known = NOTHING_KNOWN;
  return async (commit) => {
    known = await readNewest(place, known);
    // What somebody took away there the next backup sends again.
    known = await copyRepository(store, place, known, () => true);
    const timestamp = await timestampOf(commit, store);
    const name = namePublished({ timestamp, at: now(), list: known.list, id: shortId(commit) });
    await place.put(name, utf8(JSON.stringify(commit)));
  };
}

/**
 * Of the last publication and the last backup, by whichever process: in a minute a publisher has no time to read every pack
 * anew, as it would have to at a new place, and after a restore, where every file has another tag.
 */
async function readNewest(place: BackupPlace, known: Known): Promise<Known> {
  const last = [(await listPublished(place)).at(-1), (await listSets(place)).at(-1)];
  const [newest] = last.filter((one) => one !== undefined).toSorted((a, b) => b.at - a.at);
  if (newest === undefined || newest.list === known.list) return known;
  return readKnown(place, newest.list).catch(() => known);
}

/** Where only change records moved, that of what is published already. */
async function timestampOf({ timestamp }: Commit, store: RepositoryStore): Promise<number> {
  if (timestamp !== null) return versionOf(Buffer.from(timestamp, 'base64'));
  const shown = await store.read(TIMESTAMP);
  return shown === null ? 0 : versionOf(shown.bytes);
}

/** In the order in which they were published. */
export async function listPublished(place: BackupPlace): Promise<readonly PublishedName[]> {
  const found = (await place.list(PUBLISHED)).flatMap((name) => parsePublished(name) ?? []);
  return found.toSorted((a, b) => a.timestamp - b.timestamp || a.at - b.at);
}

/** Errors: backup/*, document/invalid. */
export async function readPublished(place: BackupPlace, { name }: PublishedName): Promise<Commit> {
  return parseCommit(await place.get(name), name);
}

/** Null where nobody kept it. Errors: as above. */
export async function findPublished(place: BackupPlace, id: string): Promise<Commit | null> {
  for (const one of await listPublished(place)) {
    if (one.id !== shortId({ id })) continue;
    const commit = await readPublished(place, one);
    if (commit.id === id) return commit;
  }
  return null;
}

function shortId({ id }: Pick<Commit, 'id'>): string {
  return id.replace(/^sha256:/, '').slice(0, ID_DIGITS);
}
