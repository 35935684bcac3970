// Tokens, read: who holds one, which there are, and the secrets they are made of.
import { createHash, randomBytes } from 'node:crypto';
import { toBase64url } from '../../shared/encoding/bytes.ts';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { TokenRole } from '../../shared/protocol/fleet.ts';
import type { Expiry } from '../core/expiry.ts';
import { cutPart, type Page, type Part } from './page.ts';
import type { Database } from './tables.ts';

/** What programs that look for lost secrets know a token by. */
export const TOKEN_PREFIX = 'flt_';

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly role: TokenRole;
  /** Whose instances alone it sees; absent for the vendor's own. */
  readonly customer?: string;
}

export interface TokenSummary extends Token {
  readonly created: string;
  readonly expires: string;
}

/** Those that were not revoked, by name. */
export async function listTokens(db: Database): Promise<readonly TokenSummary[]> {
  const rows = await notRevoked(db).orderBy('name').orderBy('created_at').execute();
  return rows.map(toSummary);
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
  const { entries, next } = cutPart(
    rows,
    limit,
    (row) => JSON.stringify(row).length,
    ({ name, id }): TokenKey => [name, id],
  );
  return { entries: entries.map(toSummary), next };
}

export function toSummary<Row extends { readonly customer: string | null }>({ customer, ...row }: Row) {
  return { ...row, ...ownerOf(customer) };
}

export function ownerOf(customer: string | null | undefined): { readonly customer?: string } {
  return customer === null || customer === undefined ? {} : { customer };
}

function notRevoked(db: Database) {
  return db
    .selectFrom('tokens')
    .select(['id', 'name', 'role', 'created_at as created', 'expires_at as expires', 'customer'])
    .where('revoked_at', 'is', null);
}

export function inForce(db: Database, now: EpochMs) {
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
    .select(['id', 'name', 'role', 'customer', 'expires_at', 'revoked_at'])
    .where('hash', '=', hashSecret(text))
    .executeTakeFirst();
  if (row === undefined || row.revoked_at !== null) {
    throw new FairleadError('auth/refused', { problem: 'it is unknown or revoked' });
  }
  if (row.expires_at <= formatInstantMs(now)) {
    throw new FairleadError('auth/refused', { problem: `it expired at ${row.expires_at}` });
  }
  return { id: row.id, name: row.name, role: row.role, ...ownerOf(row.customer) };
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

/** A new token's text: whoever has it holds the role. */
export function makeToken(): string {
  return TOKEN_PREFIX + makeSecret();
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
