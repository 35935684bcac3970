// The halts that the server signed by itself: written down with their publication, and whether somebody has lifted them since.
import type { Kysely } from 'kysely';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import type { OwnHalt } from '../core/guard.ts';
import { appendAudit } from './audit.ts';
import { columnTypesOf, type Database, type DatabaseTransaction, type GuardHaltRow } from './tables.ts';

export async function addGuard(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema
    .createTable('guard_halts')
    .addColumn('digest', text, (c) => c.notNull())
    .addColumn('issued_at', text, (c) => c.notNull())
    .addColumn('expires_at', text, (c) => c.notNull())
    .addColumn('release', text, (c) => c.notNull())
    .addColumn('change', text, (c) => c.notNull())
    .addColumn('class', text)
    .addColumn('reason', text, (c) => c.notNull())
    .addColumn('document', text, (c) => c.notNull())
    .addColumn('lifted_at', text)
    .addPrimaryKeyConstraint('guard_halts_key', ['digest', 'issued_at'])
    .execute();
  await db.schema.alterTable('instances').addColumn('ill', text).execute();
  for (const column of ['heard_at', 'ill_before']) {
    await db.schema.alterTable('deployments').addColumn(column, text).execute();
  }
}

export interface GuardHalt {
  readonly digest: string;
  readonly release: string;
  readonly change: string;
  readonly class: string | null;
  readonly reason: string;
  readonly issued: string;
  readonly expires: string;
  readonly document: string;
}

/** With the publication that makes them visible, in its transaction. */
export async function recordHalts(
  trx: DatabaseTransaction,
  halts: readonly GuardHalt[],
  now: EpochMs,
): Promise<void> {
  await writeHalts(trx, halts);
  for (const { release, digest, change, class: of, reason, expires } of halts) {
    const details = { release, digest, class: of, reason, expires };
    await appendAudit(trx, { actor: 'server', action: 'rollout.halted', subject: change, details }, now);
  }
}

export async function writeHalts(trx: DatabaseTransaction, halts: readonly GuardHalt[]): Promise<void> {
  for (const { issued, expires, ...halt } of halts) {
    const row = { ...halt, expires_at: expires, lifted_at: null };
    await trx
      .insertInto('guard_halts')
      .values({ ...row, issued_at: issued })
      // Lifted and halted again within a second: what counts is what is published now.
      .onConflict((conflict) => conflict.columns(['digest', 'issued_at']).doUpdateSet(row))
      .execute();
  }
}

/** Of one release, the newest first. */
export async function listHalts(db: Database, digest: string): Promise<readonly GuardHaltRow[]> {
  return db
    .selectFrom('guard_halts')
    .selectAll()
    .where('digest', '=', digest)
    .orderBy('issued_at', 'desc')
    .execute();
}

export function ownHaltOf({ document, class: of, issued_at, expires_at, lifted_at }: GuardHaltRow): OwnHalt {
  const lifted = lifted_at === null ? null : instantMs(lifted_at);
  return { document, class: of, issued: instantMs(issued_at), expires: instantMs(expires_at), lifted };
}

/** Whoever looks first notes it. */
export async function noteLifted(
  trx: DatabaseTransaction,
  { digest, issued_at, change, release }: GuardHaltRow,
  now: EpochMs,
): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable('guard_halts')
    .set({ lifted_at: formatInstantMs(now) })
    .where('digest', '=', digest)
    .where('issued_at', '=', issued_at)
    .where('lifted_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) return;
  const details = { release, digest };
  await appendAudit(trx, { actor: 'server', action: 'rollout.resumed', subject: change, details }, now);
}

const KEPT_MS = 400 * 86_400_000;

export async function forgetHalts(trx: DatabaseTransaction, now: EpochMs): Promise<void> {
  await trx
    .deleteFrom('guard_halts')
    .where('expires_at', '<', formatInstantMs(now - KEPT_MS))
    .execute();
}
