// Tokens, written: scoped to a role, expiring, and unreadable once made.
import { randomUUID } from 'node:crypto';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { TokenRole } from '../../shared/protocol/fleet.ts';
import { appendAudit } from './audit.ts';
import { lockCustomer } from './customers.ts';
import { type Mark, transactOnce } from './once.ts';
import { verifyRoom } from './room.ts';
import type { Database, DatabaseTransaction } from './tables.ts';
import { hashSecret, inForce, makeToken, ownerOf, type TokenSummary, toSummary } from './token-lists.ts';
import { isPostgres, transact } from './transact.ts';

/** `token` is its text. */
export interface NewToken extends TokenSummary {
  readonly token: string;
}

export interface TokenRequest {
  readonly text: string;
  readonly name: string;
  readonly role: TokenRole;
  readonly customer?: string | undefined;
  readonly expires: EpochMs;
  readonly actor: string;
}

/** Makes one and lets it in; its text is nowhere else. */
export async function createToken(
  db: Database,
  request: Omit<TokenRequest, 'text'>,
  now: EpochMs,
  mark: Mark | null = null,
): Promise<NewToken> {
  return await transactOnce(db, mark, now, async (trx) => {
    return await insertFresh(trx, request, now);
  });
}

/** Error: request/not-found for a customer that there is not, or no longer. */
async function insertFresh(
  trx: DatabaseTransaction,
  request: Omit<TokenRequest, 'text'>,
  now: EpochMs,
): Promise<NewToken> {
  await verifyRoom(trx, 'tokens', now);
  const token = makeToken();
  if (request.customer !== undefined) await lockCustomer(trx, request.customer);
  const row = await insertToken(trx, { ...request, text: token }, now);
  if (row === null) throw new Error('192 bits of chance were drawn twice');
  return { ...row, token };
}

/**
 * A new text for the name and role of this token, which ends after `overlapMs`. Error: request/not-found where none of
 * this id is in force.
 */
export async function rotateToken(
  db: Database,
  request: {
    readonly id: string;
    readonly overlapMs: number;
    readonly expires: EpochMs;
    readonly actor: string;
  },
  now: EpochMs,
  mark: Mark | null = null,
): Promise<NewToken> {
  const { id, overlapMs, expires, actor } = request;
  const until = formatInstantMs(now + overlapMs);
  return transactOnce(db, mark, now, async (trx) => {
    // Locked: of what is revoked at the same time no new text comes to life.
    const old = await inForce(trx, now)
      .where('id', '=', id)
      .$if(isPostgres(trx), (query) => query.forUpdate())
      .executeTakeFirst();
    if (old === undefined) throw new FairleadError('request/not-found', { what: `token ${id} in force` });
    const { name, role, customer } = toSummary(old);
    // Under its condition: whoever revokes it or ends it earlier meanwhile is not overruled.
    await trx
      .updateTable('tokens')
      .set({ expires_at: until })
      .where('id', '=', id)
      .where('expires_at', '>', until)
      .execute();
    await appendAudit(trx, { actor, action: 'token.rotated', subject: name, details: { id, until } }, now);
    return await insertFresh(trx, { name, role, customer, expires, actor }, now);
  });
}

/** Error: request/not-found where none of this id is in force. */
export async function revokeToken(db: Database, id: string, actor: string, now: EpochMs): Promise<void> {
  await transact(db, 'committed', async (trx) => {
    const row = await trx
      .updateTable('tokens')
      .set({ revoked_at: formatInstantMs(now) })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .returning('name')
      .executeTakeFirst();
    if (row === undefined) throw new FairleadError('request/not-found', { what: `token ${id} in force` });
    await appendAudit(trx, { actor, action: 'token.revoked', subject: row.name, details: { id } }, now);
  });
}

/** Lets the token in from now on. One that is known already, revoked or not, stays as it is. */
export async function admitToken(db: Database, request: TokenRequest, now: EpochMs): Promise<void> {
  await transact(db, 'committed', (trx) => insertToken(trx, request, now));
}

/** Null where it is known already. */
async function insertToken(
  trx: DatabaseTransaction,
  { text, name, role, customer, actor, expires: end }: TokenRequest,
  now: EpochMs,
): Promise<TokenSummary | null> {
  const [id, created, expires] = [randomUUID(), formatInstantMs(now), formatInstantMs(end)];
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('tokens')
    .values({
      ...{ id, name, role },
      hash: hashSecret(text),
      created_at: created,
      expires_at: expires,
      revoked_at: null,
      customer: customer ?? null,
    })
    .onConflict((conflict) => conflict.column('hash').doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) return null;
  await appendAudit(
    trx,
    { actor, action: 'token.created', subject: name, details: { role, ...ownerOf(customer), expires } },
    now,
  );
  return { id, name, role, created, expires, ...ownerOf(customer) };
}

/** Revokes every token of this name; answers how many that were. */
export async function revokeTokens(db: Database, name: string, actor: string, now: EpochMs): Promise<number> {
  return transact(db, 'committed', async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('tokens')
      .set({ revoked_at: formatInstantMs(now) })
      .where('name', '=', name)
      .where('revoked_at', 'is', null)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows > 0n) {
      await appendAudit(trx, { actor, action: 'token.revoked', subject: name }, now);
    }
    return Number(numUpdatedRows);
  });
}
