// The audit log at the place of the backups, part by part as it grows: what was done since the last copy of the database, and what of that takes rights away.
import { z } from 'zod';
import { utf8 } from '../../shared/encoding/bytes.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { type AuditEntry, auditEntry } from '../../shared/protocol/fleet.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { LOG, nameLog, parseLog } from '../core/backup-names.ts';
import { readAudit } from '../db/audit.ts';
import { digestAt, readAuditHead } from '../db/audit-chain.ts';
import { readBackupMark, writeBackupMark } from '../db/backup-marks.ts';
import type { Database } from '../db/tables.ts';
import { transact } from '../db/transact.ts';
import type { BackupPlace } from './place.ts';

const part = z.strictObject({ schema: z.literal('fairlead/backup-log@1'), entries: z.array(auditEntry) });
const PART_LIMITS = { maxBytes: 64 * 2 ** 20, maxDepth: 32, maxNodes: 4_000_000 };
const ENTRIES_AT_ONCE = 1_000;

/** Everything after `kept` goes there; answers up to which entry, and notes it. Errors: backup/place-failed, server/database-*. */
export async function sendLog(place: BackupPlace, db: Database, kept: number, now: EpochMs): Promise<number> {
  let last = kept;
  for (let after: number | null = kept; after !== null; ) {
    const { entries, next } = await readAudit(db, after, ENTRIES_AT_ONCE);
    const [from, to] = [entries[0]?.sequence, entries.at(-1)?.sequence];
    if (from !== undefined && to !== undefined) {
      const bytes = utf8(JSON.stringify({ schema: 'fairlead/backup-log@1', entries }));
      await place.put(nameLog({ from, to, at: now }), bytes);
      last = to;
    }
    after = next;
  }
  await noteLog(db, last);
  return last;
}

/** A backup and a revocation at once may send the same entries: the mark never goes back. */
async function noteLog(db: Database, count: number): Promise<void> {
  await transact(db, 'serializable', async (trx) => {
    const before = await readBackupMark(trx, 'log');
    if (before === null || before.count < count) await writeBackupMark(trx, 'log', { count });
  });
}

/** The last entry that is at the place. */
export type KeptEntry = Pick<AuditEntry, 'sequence' | 'digest'>;

/**
 * Null before the first, and where nobody can open or read it, as where a server of a later version wrote it: that is no reason to keep
 * no backups. `unread` hears why. Errors: backup/*.
 */
export async function readLastKept(
  place: BackupPlace,
  unread: (cause: FairleadError) => void,
): Promise<KeptEntry | null> {
  const parts = (await place.list(LOG)).flatMap((name) => parseLog(name) ?? []);
  const newest = parts.toSorted((a, b) => a.to - b.to || a.from - b.from).at(-1);
  if (newest === undefined) return null;
  const entries = await readPart(place, newest.name).catch((error: unknown) => {
    if (!isFairleadError(error) || !isUnreadable(error)) throw error;
    unread(error);
    return [];
  });
  return entries.at(-1) ?? null;
}

const UNREADABLE: ReadonlySet<string> = new Set(['backup/key-unknown', 'backup/damaged', 'backup/missing']);

function isUnreadable({ code }: FairleadError): boolean {
  return UNREADABLE.has(code) || /^(?:json|document)\//.test(code);
}

/**
 * That the database holds it: one that was set back would let in again whom it had shut out, and go on with a log of its own.
 * Error: backup/other-log.
 */
export async function verifyKept({ place }: BackupPlace, db: Database, kept: KeptEntry): Promise<void> {
  if ((await digestAt(db, kept.sequence)) === kept.digest) return;
  const { count } = await readAuditHead(db);
  throw new FairleadError('backup/other-log', { place, kept: kept.sequence, here: count });
}

async function readPart(place: BackupPlace, name: string): Promise<readonly AuditEntry[]> {
  return parseDocumentBytes(part, await place.get(name), name, PART_LIMITS).entries;
}

/** What continues the log behind its nth entry, in order, each once; it ends where a part is missing. Errors: backup/*. */
export async function* readBackupLog(place: BackupPlace, behind: number): AsyncGenerator<AuditEntry> {
  const parts = (await place.list(LOG)).flatMap((name) => parseLog(name) ?? []);
  let last = behind;
  for (const { name, to } of parts.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (to <= last) continue;
    for (const entry of await readPart(place, name)) {
      if (entry.sequence !== last + 1) continue;
      yield entry;
      last = entry.sequence;
    }
  }
}
