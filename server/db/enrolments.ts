// Enrolment codes: single use, expiring, and redeemed by exactly one key.
import { randomUUID } from 'node:crypto';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { RedeemReply, RedeemRequest } from '../../shared/protocol/enrolment.ts';
import { appendAudit } from './audit.ts';
import { hashSecret, makeSecret } from './secrets.ts';
import type { Database } from './tables.ts';

const VALID_FOR_MS = 7 * 24 * 60 * 60 * 1000;

export interface NewEnrolment {
  readonly code: string;
  readonly name: string;
  readonly expires: string;
}

/** `name` is what the fleet list will call the instance. */
export async function createEnrolment(
  db: Database,
  name: string,
  actor: string,
  now: EpochMs,
): Promise<NewEnrolment> {
  const code = makeSecret();
  const expires = formatInstantMs(now + VALID_FOR_MS);
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('enrolments')
      .values({
        hash: hashSecret(code),
        name,
        created_at: formatInstantMs(now),
        expires_at: expires,
        used_by: null,
      })
      .execute();
    await appendAudit(trx, { actor, action: 'enrolment.created', subject: name, details: { expires } }, now);
  });
  return { code, name, expires };
}

/**
 * Makes the instance. The same code with the same key gives the same answer for good: an agent that was killed before
 * it wrote the answer down asks again. Error: enrolment/code-refused.
 */
export async function redeemEnrolment(
  db: Database,
  request: RedeemRequest,
  now: EpochMs,
): Promise<RedeemReply> {
  return db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('enrolments')
      .selectAll()
      .where('hash', '=', hashSecret(request.code))
      .executeTakeFirst();
    if (row === undefined) throw refused('it is unknown');
    if (row.used_by !== null) return answerAgain(trx, row.used_by, request.publicKey);
    if (row.expires_at <= formatInstantMs(now)) throw refused(`it expired at ${row.expires_at}`);
    return createInstance(trx, row.hash, row.name, request, now);
  });
}

async function answerAgain(db: Database, instance: string, publicKey: string): Promise<RedeemReply> {
  const row = await db
    .selectFrom('instances')
    .select(['id', 'name'])
    .where('id', '=', instance)
    .where('public_key', '=', publicKey)
    .executeTakeFirst();
  if (row === undefined) throw refused('it was used already');
  return { instance: row.id, name: row.name };
}

async function createInstance(
  db: Database,
  enrolment: string,
  name: string,
  request: RedeemRequest,
  now: EpochMs,
): Promise<RedeemReply> {
  const id = randomUUID();
  await db
    .insertInto('instances')
    .values({
      id,
      name,
      hostname: request.hostname,
      public_key: request.publicKey,
      agent_version: request.agentVersion,
      enrolled_at: formatInstantMs(now),
      last_seen: null,
      last_sequence: 0,
      last_report: null,
    })
    .execute();
  await db.updateTable('enrolments').set({ used_by: id }).where('hash', '=', enrolment).execute();
  const details = { name, hostname: request.hostname, publicKey: request.publicKey };
  await appendAudit(db, { actor: `instance ${id}`, action: 'enrolment.redeemed', subject: id, details }, now);
  return { instance: id, name };
}

function refused(problem: string): FairleadError {
  return new FairleadError('enrolment/code-refused', { problem });
}
