// The audit log's chain, walked from its first entry: nothing was changed, taken out, or cut off behind a checkpoint.

import { type Digest, digestOfValue } from '../../shared/encoding/digest.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { AuditEntry } from '../../shared/protocol/fleet.ts';
import {
  type AuditHead,
  type Checkpoint,
  EMPTY_AUDIT,
  followLink,
  type Link,
  verifyReached,
} from '../../shared/schema/audit-chain.ts';
import { readAudit } from './audit.ts';
import { inParts } from './page.ts';
import type { Database } from './tables.ts';

/** How many entries there are, and the digest of the last; null for an empty log. */
export type AuditStanding = Pick<AuditHead, 'count' | 'digest'>;

const ENTRIES_AT_ONCE = 1_000;

/** From its first entry, or from one that was verified before. Error: server/audit-broken. */
export async function verifyAudit(
  db: Database,
  checkpoint: Checkpoint | null,
  from = 1,
): Promise<AuditStanding> {
  const kept = checkpoint ?? EMPTY_AUDIT;
  let head: AuditHead = { ...EMPTY_AUDIT, count: from - 1, digest: await digestAt(db, from - 1) };
  for (let after: number | null = from - 1; after !== null; ) {
    const { entries, next } = await readAudit(db, after, ENTRIES_AT_ONCE);
    for (const entry of entries) head = followLink(head, linkOf(entry), kept, broken);
    after = next;
  }
  verifyReached(head, kept, broken);
  return { count: head.count, digest: head.digest };
}

/** Where the log stands, by its last entry alone. */
export async function readAuditHead(db: Database): Promise<AuditStanding> {
  const last = await db
    .selectFrom('audit')
    .select(['sequence', 'digest'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  return { count: Number(last?.sequence ?? 0), digest: (last?.digest ?? null) as Digest | null };
}

/** What tells this log from every other; null while it is empty. */
export function readFirstDigest(db: Database): Promise<Digest | null> {
  return digestAt(db, 1);
}

/** Null where the log does not reach so far. */
export async function digestAt(db: Database, sequence: number): Promise<Digest | null> {
  const row = await db
    .selectFrom('audit')
    .select('digest')
    .where('sequence', '=', sequence)
    .executeTakeFirst();
  return (row?.digest ?? null) as Digest | null;
}

/** Of those entries that there are. */
export async function digestsAt(
  db: Database,
  counts: readonly number[],
): Promise<ReadonlyMap<number, Digest>> {
  const found = new Map<number, Digest>();
  for (const part of inParts([...new Set(counts)], 500)) {
    const rows = await db
      .selectFrom('audit')
      .select(['sequence', 'digest'])
      .where('sequence', 'in', part)
      .execute();
    for (const { sequence, digest } of rows) found.set(Number(sequence), digest as Digest);
  }
  return found;
}

function linkOf({ digest: written, ...entry }: AuditEntry): Link {
  const digest = digestOfValue(entry);
  if (written !== digest) throw broken(entry.sequence, 'it was changed');
  return { sequence: entry.sequence, previous: entry.previous, digest };
}

function broken(sequence: number, problem: string): FairleadError {
  return new FairleadError('server/audit-broken', { sequence, problem });
}
