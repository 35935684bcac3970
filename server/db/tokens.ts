// API tokens: scoped to a role, expiring, and unreadable once made.
import { randomUUID } from 'node:crypto';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { TokenRole } from '../../shared/protocol/fleet.ts';
import { appendAudit } from './audit.ts';
import { hashSecret, makeSecret } from './secrets.ts';
import type { Database } from './tables.ts';

const TOKEN_PREFIX = 'flt_';

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly role: TokenRole;
}

export interface TokenRequest {
  readonly name: string;
  readonly role: TokenRole;
  /** Null for a token that does not expire. */
  readonly expires: EpochMs | null;
  readonly actor: string;
}

/** Answers the token's text: the only time that it is seen. */
export async function createToken(db: Database, request: TokenRequest, now: EpochMs): Promise<string> {
  const text = TOKEN_PREFIX + makeSecret();
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('tokens')
      .values({
        id: randomUUID(),
        hash: hashSecret(text),
        name: request.name,
        role: request.role,
        created_at: formatInstantMs(now),
        expires_at: request.expires === null ? null : formatInstantMs(request.expires),
        revoked_at: null,
      })
      .execute();
    const details = { role: request.role };
    await appendAudit(
      trx,
      { actor: request.actor, action: 'token.created', subject: request.name, details },
      now,
    );
  });
  return text;
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
  if (row.expires_at !== null && row.expires_at <= formatInstantMs(now)) {
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
