// The audit log's chain, walked from its first entry: nothing was changed, taken out, or cut off behind a checkpoint.
import { type Digest, digestOfValue } from '../../shared/encoding/digest.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { AuditEntry } from '../../shared/protocol/fleet.ts';
import { readAudit } from './audit.ts';
import type { Database } from './tables.ts';

/** How many entries there are, and the digest of the last; null for an empty log. */
export interface AuditHead {
  readonly count: number;
  readonly digest: Digest | null;
}

const ENTRIES_AT_ONCE = 1_000;

/** From its first entry, or from one that was verified before. Error: server/audit-broken. */
export async function verifyAudit(
  db: Database,
  checkpoint: { readonly count: number; readonly digest: string } | null,
  from = 1,
): Promise<AuditHead> {
  let head: AuditHead = { count: from - 1, digest: await digestAt(db, from - 1) };
  for (let after: number | null = from - 1; after !== null; ) {
    const { entries, next } = await readAudit(db, after, ENTRIES_AT_ONCE);
    for (const entry of entries) {
      head = follow(head, entry);
      if (entry.sequence === checkpoint?.count && entry.digest !== checkpoint.digest) {
        throw broken(entry.sequence, 'it is another than when the checkpoint was written');
      }
    }
    after = next;
  }
  if (checkpoint !== null && head.count < checkpoint.count) {
    throw broken(head.count + 1, `it is missing: the checkpoint counted ${checkpoint.count} entries`);
  }
  return head;
}

/** Where the log stands, by its last entry alone. */
export async function readAuditHead(db: Database): Promise<AuditHead> {
  const last = await db
    .selectFrom('audit')
    .select(['sequence', 'digest'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  return { count: Number(last?.sequence ?? 0), digest: (last?.digest ?? null) as Digest | null };
}

async function digestAt(db: Database, sequence: number): Promise<Digest | null> {
  const row = await db
    .selectFrom('audit')
    .select('digest')
    .where('sequence', '=', sequence)
    .executeTakeFirst();
  return (row?.digest ?? null) as Digest | null;
}

function follow(head: AuditHead, { digest, ...entry }: AuditEntry): AuditHead {
  const sequence = head.count + 1;
  if (entry.sequence !== sequence) throw broken(sequence, 'it is missing');
  if (entry.previous !== head.digest) throw broken(sequence, 'it does not follow the entry before it');
  if (digestOfValue(entry) !== digest) throw broken(sequence, 'it was changed');
  return { count: sequence, digest };
}

function broken(sequence: number, problem: string): FairleadError {
  return new FairleadError('server/audit-broken', { sequence, problem });
}
