// A restore that is tried: beside the running server, out of its own backups, proved by what a client and an auditor would ask, and gone again.
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import type { FileAddress } from '../core/database-address.ts';
import { digestAt, readAuditHead, verifyAudit } from '../db/audit-chain.ts';
import { type BackupMarks, readBackupMark, writeBackupMark } from '../db/backup-marks.ts';
import { appendEvents } from '../db/events.ts';
import { findToken } from '../db/token-lists.ts';
import { createToken, revokeToken } from '../db/tokens.ts';
import { transact } from '../db/transact.ts';
import { createDirectoryStore } from '../repository/directory-store.ts';
import { type Layout, layoutOf } from '../repository/layout.ts';
import type { OnlineKeys } from '../repository/online-keys.ts';
import type { RepositoryStore } from '../repository/store.ts';
import { verifyAsClient } from '../repository/verify-as-client.ts';
import { sendLog } from './log.ts';
import { restoreServer } from './restore.ts';
import { readSet } from './set.ts';
import { type BackedUp, listSets } from './take.ts';
import { drillAlone } from './under-way.ts';

export interface Drilling extends BackedUp {
  /** Makes a backup; somebody else may be making one. Error: backup/busy. */
  readonly backUp: () => Promise<unknown>;
  readonly openKeys: (layout: Layout) => Promise<OnlineKeys>;
}

export interface Drilled {
  /** How old the newest backup was: what was not acknowledged with the place is lost for as long. */
  readonly rpoMs: number;
  /** From the first byte until the restored server was proved. */
  readonly rtoMs: number;
  readonly files: number;
  readonly entries: number;
}

/**
 * What it found is noted, also where it fails. Errors: backup/*, restore/unproved, disk/*, server/*; and, before anything is done
 * or noted, backup/drill-elsewhere, backup/drilling.
 */
export async function drill(drilling: Drilling): Promise<Drilled> {
  const { address, layout } = drilling;
  if (address.kind !== 'file') throw new FairleadError('backup/drill-elsewhere', {});
  return drillAlone(layout, () => drillAt(drilling, address));
}

async function drillAt(drilling: Drilling, address: FileAddress): Promise<Drilled> {
  const { place, now } = drilling;
  const at = now();
  let rpoMs = 0;
  try {
    const last = (await listSets(place)).at(-1);
    if (last === undefined) throw new FairleadError('backup/none', { place: place.place, wanted: '' });
    rpoMs = Math.max(0, at - last.at);
    const canary = await plantCanary(drilling);
    // Before anything is read there: what is published meanwhile is in no backup that was made before.
    const published = await verifyAsClient(drilling.store, now());
    const drilled = { rpoMs, ...(await tryRestore(drilling, address, { canary, published })) };
    await note(drilling, at, { rpoMs, rtoMs: drilled.rtoMs, problem: null });
    return drilled;
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    await note(drilling, at, { rpoMs, rtoMs: null, problem });
    throw error;
  }
}

interface Canary {
  readonly id: string;
  readonly text: string;
}

/** In the copy it is let in, and in the log behind the copy it is not: a restored server has to have read both. */
async function plantCanary(drilling: Drilling): Promise<Canary> {
  const { db, place, now, backUp } = drilling;
  const wanted = {
    name: 'backup-drill',
    role: 'viewer',
    expires: now() + CANARY_MS,
    actor: 'drill',
  } as const;
  const { id, token: text } = await createToken(db, wanted, now());
  try {
    await inTime(backUp);
  } finally {
    await revokeToken(db, id, 'drill', now());
  }
  const sent = await readBackupMark(db, 'log');
  await sendLog(place, db, sent?.count ?? 0, now());
  return { id, text };
}

const CANARY_MS = 60 * 60_000;
const WAIT_MS = 10 * 60_000;
const ASK_MS = 500;

/** The running server may be in the middle of one. */
async function inTime<Result>(work: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isFairleadError(error, 'backup/busy') || performance.now() > deadline) throw error;
      await setTimeout(ASK_MS);
    }
  }
}

/** What the restored server must hold. */
interface Wanted {
  readonly canary: Canary;
  /** Null before the first publication. */
  readonly published: ReadonlyMap<string, number> | null;
}

/** Into a directory that is gone afterwards. */
async function tryRestore(
  drilling: Drilling,
  address: FileAddress,
  wanted: Wanted,
): Promise<Omit<Drilled, 'rpoMs'>> {
  const { layout: live, place, now, openKeys } = drilling;
  const layout = layoutOf(join(live.dir, `.drill-${randomUUID()}.tmp`));
  const name = (await listSets(place)).at(-1);
  if (name === undefined) throw new FairleadError('backup/none', { place: place.place, wanted: '' });
  const began = performance.now();
  const store = createDirectoryStore(layout.dir);
  try {
    const set = await readSet(place, name.name);
    const database = { ...address, path: layout.database };
    const to = { place, layout, address: database, store, now, openKeys: () => openKeys(layout) };
    const { db, restored } = await restoreServer({ ...to, packsStay: true }, name, set);
    await prove(drilling, { db, store, ...wanted }).finally(() => db.destroy());
    verifyPages(layout.database);
    const { files, replayed } = restored;
    return { rtoMs: performance.now() - began, files, entries: replayed.entries };
  } finally {
    await rm(layout.dir, { recursive: true, force: true });
  }
}

interface Proof extends Wanted {
  readonly db: BackedUp['db'];
  readonly store: RepositoryStore;
}

/** Error: restore/unproved. */
async function prove({ db: live, now }: Drilling, { db, store, canary, published }: Proof): Promise<void> {
  const [head, ours] = [await verifyAudit(db, null), await readAuditHead(live)];
  // Others may have done something meanwhile; what is restored is a beginning of what there is.
  if (head.digest === null || head.count > ours.count || (await digestAt(live, head.count)) !== head.digest)
    throw unproved(`its audit log ends at entry ${head.count}, and that is another one here`);
  const row = await db
    .selectFrom('tokens')
    .select('revoked_at')
    .where('id', '=', canary.id)
    .executeTakeFirst();
  const isIn = (await findToken(db, canary.text, now()).catch(() => null)) !== null;
  if (row === undefined) throw unproved('a token that was made before the backup is not in it');
  if (isIn) throw unproved('a token that was revoked after the backup is let in');
  const found = await verifyAsClient(store, now());
  for (const [role, version] of published ?? [])
    if ((found?.get(role) ?? 0) < version)
      throw unproved(
        `of the role ${role} it has version ${found?.get(role) ?? 0}, and ${version} is published`,
      );
}

/** https://sqlite.org/pragma.html#pragma_integrity_check */
function verifyPages(file: string): void {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const [row] = database.prepare('PRAGMA integrity_check(1)').all();
    if (row?.integrity_check !== 'ok') throw unproved(`the database is damaged: ${row?.integrity_check}`);
  } finally {
    database.close();
  }
}

type Found = Pick<BackupMarks['drill'], 'rpoMs' | 'rtoMs' | 'problem'>;

async function note({ db, place }: Drilling, at: EpochMs, found: Found): Promise<void> {
  await transact(db, 'committed', async (trx) => {
    await writeBackupMark(trx, 'drill', { at: formatInstantMs(at), ...found });
    if (found.problem === null) return;
    const event = { kind: 'drill.failed', instance: null, actor: 'server', subject: place.place } as const;
    await appendEvents(trx, [{ ...event, details: { problem: found.problem } }], at);
  });
}

function unproved(problem: string): FairleadError {
  return new FairleadError('restore/unproved', { problem });
}
