// API tokens: scoped to a role, expiring, and unreadable once made.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { toBase64url } from '../../shared/encoding/bytes.ts';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { TokenRole } from '../../shared/protocol/fleet.ts';
import type { Expiry } from '../core/expiry.ts';
import { appendAudit } from './audit.ts';
import type { Database } from './tables.ts';
import { transact } from './transact.ts';

const TOKEN_PREFIX = 'flt_';

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly role: TokenRole;
}

export interface TokenSummary extends Token {
  readonly created: string;
  readonly expires: string;
}

export interface TokenRequest {
  readonly text: string;
  readonly name: string;
  readonly role: TokenRole;
  readonly expires: EpochMs;
  readonly actor: string;
}

/** A new token's text: whoever has it holds the role. */
export function makeToken(): string {
  return TOKEN_PREFIX + makeSecret();
}

/** Lets the token in from now on. One that is known already, revoked or not, stays as it is. */
export async function admitToken(db: Database, request: TokenRequest, now: EpochMs): Promise<void> {
  const { text, name, role, actor } = request;
  const expires = formatInstantMs(request.expires);
  await transact(db, 'committed', async (trx) => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('tokens')
      .values({
        id: randomUUID(),
        hash: hashSecret(text),
        ...{ name, role },
        created_at: formatInstantMs(now),
        expires_at: expires,
        revoked_at: null,
      })
      .onConflict((conflict) => conflict.column('hash').doNothing())
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 0n) return;
    const details = { role, expires };
    await appendAudit(trx, { actor, action: 'token.created', subject: name, details }, now);
  });
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

/** Those that were not revoked, by name. */
export async function listTokens(db: Database): Promise<readonly TokenSummary[]> {
  return db
    .selectFrom('tokens')
    .select(['id', 'name', 'role', 'created_at as created', 'expires_at as expires'])
    .where('revoked_at', 'is', null)
    .orderBy('name')
    .orderBy('created_at')
    .execute();
}

/** When each token that is not revoked ends. */
export async function listTokenExpiries(db: Database): Promise<readonly Expiry[]> {
  const tokens = await listTokens(db);
  return tokens.map(({ name, expires }) => ({ kind: 'token', name, at: instantMs(expires) }));
}

/** Error: auth/refused for a token that is unknown, revoked or expired. */
export async function findToken(db: Database, text: string, now: EpochMs): Promise<Token> {
  const row = await db
    .selectFrom('tokens')
    .select(['id', 'name', 'role', 'expires_at', 'revoked_at'])
    .where('hash', '=', hashSecret(text))
    .executeTakeFirst();
  if (row === undefined || row.revoked_at !== null) {
    throw new FairleadError('auth/refused', { problem: 'it is unknown or revoked' });
  }
  if (row.expires_at <= formatInstantMs(now)) {
    throw new FairleadError('auth/refused', { problem: `it expired at ${row.expires_at}` });
  }
  return { id: row.id, name: row.name, role: row.role };
}

/** Whether a live token of this role exists. */
export async function hasToken(db: Database, role: TokenRole): Promise<boolean> {
  const row = await db
    .selectFrom('tokens')
    .select('id')
    .where('role', '=', role)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}

/** 192 bits of chance, base64url. */
export function makeSecret(): string {
  return toBase64url(randomBytes(24));
}

/**
 * What is stored and looked up instead of the secret. Nobody can steer the SHA-256 of a secret they do not know towards
 * a stored one, so the time a lookup takes tells nothing; and a secret this long needs no slow hash.
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
