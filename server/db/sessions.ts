// Sign-ins of people with a browser: rows, so that one that ended has ended on every process.
import type { Kysely } from 'kysely';
import { durationMs, type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { Identity } from '../core/identity.ts';
import { appendAudit } from './audit.ts';
import { columnTypesOf, type Database, type DatabaseTransaction } from './tables.ts';
import { hashSecret } from './token-lists.ts';
import { transact } from './transact.ts';

/** Nobody sat before it any more. */
export const IDLE_MS = durationMs('PT30M');
/** How exactly it is known when one was last used: a row is written so often at most. */
const USED_MS = durationMs('PT1M');
/** Of one person: more browsers than anybody has. */
export const MAX_SESSIONS = 20;

export interface NewSession {
  readonly secret: string;
  readonly issuer: string;
  readonly identity: Identity;
  readonly lastsMs: number;
  /** Of the sign-in that this browser had before; it ends. */
  readonly before: string | null;
}

/** Whoever signs in gets a new secret: one that somebody else put into the browser is worth nothing afterwards. */
export async function beginSession(db: Database, session: NewSession, now: EpochMs): Promise<void> {
  const { secret, issuer, identity, lastsMs, before } = session;
  const { subject, name, groups } = identity;
  const at = formatInstantMs(now);
  await transact(db, 'committed', async (trx) => {
    await removeEnded(trx, now);
    if (before !== null) await remove(trx, before);
    const row = { issuer, subject, name, groups: JSON.stringify(groups), created_at: at, used_at: at };
    const expires = formatInstantMs(now + lastsMs);
    await trx
      .insertInto('sessions')
      .values({ ...row, hash: hashSecret(secret), expires_at: expires })
      .execute();
    await removeOldest(trx, issuer, subject);
    await appendAudit(
      trx,
      { actor: `person ${name}`, action: 'session.began', subject, details: { expires } },
      now,
    );
  });
}

/** Null where there is none, or it is over. `isUse` keeps it from being over for want of use. */
export async function findSession(
  db: Database,
  secret: string,
  issuer: string,
  now: EpochMs,
  isUse = true,
): Promise<Identity | null> {
  const hash = hashSecret(secret);
  const row = await db
    .selectFrom('sessions')
    .select(['subject', 'name', 'groups', 'used_at'])
    .where('hash', '=', hash)
    .where('issuer', '=', issuer)
    .where('expires_at', '>', formatInstantMs(now))
    .where('used_at', '>', formatInstantMs(now - IDLE_MS))
    .executeTakeFirst();
  if (row === undefined) return null;
  const before = formatInstantMs(now - USED_MS);
  if (isUse && row.used_at < before) {
    await db
      .updateTable('sessions')
      .set({ used_at: formatInstantMs(now) })
      .where('hash', '=', hash)
      .where('used_at', '<', before)
      .execute();
  }
  return { subject: row.subject, name: row.name, groups: JSON.parse(row.groups) as string[] };
}

/** At once and on every process; one that is over already stays so. */
export async function endSession(db: Database, secret: string, now: EpochMs): Promise<void> {
  await transact(db, 'committed', async (trx) => {
    const ended = await remove(trx, secret);
    if (ended === undefined) return;
    const { name, subject } = ended;
    await appendAudit(trx, { actor: `person ${name}`, action: 'session.ended', subject }, now);
  });
}

function remove(trx: DatabaseTransaction, secret: string) {
  return trx
    .deleteFrom('sessions')
    .where('hash', '=', hashSecret(secret))
    .returning(['name', 'subject'])
    .executeTakeFirst();
}

async function removeEnded(trx: DatabaseTransaction, now: EpochMs): Promise<void> {
  await trx
    .deleteFrom('sessions')
    .where((where) =>
      where.or([
        where('expires_at', '<=', formatInstantMs(now)),
        where('used_at', '<=', formatInstantMs(now - IDLE_MS)),
      ]),
    )
    .execute();
}

async function removeOldest(trx: DatabaseTransaction, issuer: string, subject: string): Promise<void> {
  const kept = trx
    .selectFrom('sessions')
    .select('hash')
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .orderBy('created_at', 'desc')
    .orderBy('hash')
    .limit(MAX_SESSIONS);
  await trx
    .deleteFrom('sessions')
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .where('hash', 'not in', kept)
    .execute();
}

/** The step that makes room for them. */
export async function addSessions(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema
    .createTable('sessions')
    .addColumn('hash', text, (c) => c.primaryKey())
    .addColumn('issuer', text, (c) => c.notNull())
    .addColumn('subject', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('groups', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('used_at', text, (c) => c.notNull())
    .addColumn('expires_at', text, (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('sessions_of_subject')
    .on('sessions')
    .columns(['issuer', 'subject', 'created_at'])
    .execute();
}
