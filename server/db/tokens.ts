// API tokens: scoped to a role, expiring, and unreadable once made.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { toBase64url } from '../../shared/encoding/bytes.ts';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { TokenRole } from '../../shared/protocol/fleet.ts';
import type { Expiry } from '../core/expiry.ts';
import { appendAudit } from './audit.ts';
import { type Mark, transactOnce } from './once.ts';
import { cutPart, type Page, type Part } from './page.ts';
import type { Database, DatabaseTransaction } from './tables.ts';
import { transact } from './transact.ts';

export const TOKEN_PREFIX = 'flt_';

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly role: TokenRole;
}

export interface TokenSummary extends Token {
  readonly created: string;
  readonly expires: string;
}

/** `token` is its text. */
export interface NewToken extends TokenSummary {
  readonly token: string;
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

/** Makes one and lets it in; its text is nowhere else. */
export async function createToken(
  db: Database,
  request: Omit<TokenRequest, 'text'>,
  now: EpochMs,
  mark: Mark | null = null,
): Promise<NewToken> {
  return await transactOnce(db, mark, now, async (trx) => {
    const token = makeToken();
    const row = await insertToken(trx, { ...request, text: token }, now);
    if (row === null) throw new Error('192 bits of chance were drawn twice');
    return { ...row, token };
  });
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
  const token = makeToken();
  return transactOnce(db, mark, now, async (trx) => {
    const old = await inForce(trx, now).where('id', '=', id).executeTakeFirst();
    if (old === undefined) throw new FairleadError('request/not-found', { what: `token ${id} in force` });
    const { name, role } = old;
    // Under its condition: whoever revokes it or ends it earlier meanwhile is not overruled.
    await trx
      .updateTable('tokens')
      .set({ expires_at: until })
      .where('id', '=', id)
      .where('expires_at', '>', until)
      .execute();
    await appendAudit(trx, { actor, action: 'token.rotated', subject: name, details: { id, until } }, now);
    const row = await insertToken(trx, { text: token, name, role, expires, actor }, now);
    return { ...(row as TokenSummary), token };
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
  { text, name, role, actor, expires: end }: TokenRequest,
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
    })
    .onConflict((conflict) => conflict.column('hash').doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) return null;
  await appendAudit(trx, { actor, action: 'token.created', subject: name, details: { role, expires } }, now);
  return { id, name, role, created, expires };
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
  return notRevoked(db).orderBy('name').orderBy('created_at').execute();
}

/** Its name and id. */
export type TokenKey = readonly [string, string];

export async function pageOfTokens(
  db: Database,
  { limit, after }: Page<TokenKey>,
): Promise<Part<TokenSummary, TokenKey>> {
  const rows = await notRevoked(db)
    .$if(after !== null, (query) =>
      query.where((where) => where(where.refTuple('name', 'id'), '>', where.tuple(...(after ?? ['', ''])))),
    )
    .orderBy('name')
    .orderBy('id')
    .limit(limit + 1)
    .execute();
  return cutPart(
    rows,
    limit,
    (row) => JSON.stringify(row).length,
    ({ name, id }): TokenKey => [name, id],
  );
}

function notRevoked(db: Database) {
  return db
    .selectFrom('tokens')
    .select(['id', 'name', 'role', 'created_at as created', 'expires_at as expires'])
    .where('revoked_at', 'is', null);
}

function inForce(db: Database, now: EpochMs) {
  return notRevoked(db).where('expires_at', '>', formatInstantMs(now));
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
