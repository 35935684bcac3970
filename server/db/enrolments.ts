// Enrolment codes: single use, expiring, and redeemed by exactly one key.
import { randomUUID } from 'node:crypto';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { RedeemReply, RedeemRequest } from '../../shared/protocol/enrolment.ts';
import { appendAudit } from './audit.ts';
import { lockCustomer } from './customers.ts';
import type { InstanceRow } from './instance-row.ts';
import { type Mark, transactOnce } from './once.ts';
import { verifyRoom } from './room.ts';
import type { Database, DatabaseTransaction } from './tables.ts';
import { hashSecret, makeSecret } from './token-lists.ts';
import { transact } from './transact.ts';

/** As the schema has it. */
const MAX_NAME = 300;
export const VALID_FOR_MS = 7 * 24 * 60 * 60 * 1000;

/** `name` is what the fleet list will call the instance, once it is harmless there. */
export interface EnrolmentWish {
  readonly name: string;
  /** Whose the instance will be. */
  readonly customer?: string | undefined;
  readonly actor: string;
}

export interface NewEnrolment {
  readonly code: string;
  readonly name: string;
  readonly expires: string;
}

/** Error: request/not-found for a customer that there is not. */
export async function createEnrolment(
  db: Database,
  { name: wanted, customer, actor }: EnrolmentWish,
  now: EpochMs,
  mark: Mark | null = null,
): Promise<NewEnrolment> {
  const code = makeSecret();
  const name = sanitizeLine(wanted, MAX_NAME);
  const expires = formatInstantMs(now + VALID_FOR_MS);
  return await transactOnce(db, mark, now, async (trx) => {
    await verifyRoom(trx, 'codes', now);
    if (customer !== undefined) await lockCustomer(trx, customer);
    await trx
      .insertInto('enrolments')
      .values({
        hash: hashSecret(code),
        name,
        created_at: formatInstantMs(now),
        expires_at: expires,
        used_by: null,
        customer: customer ?? null,
      })
      .execute();
    await appendAudit(trx, { actor, action: 'enrolment.created', subject: name, details: { expires } }, now);
    return { code, name, expires };
  });
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
  const hash = hashSecret(request.code);
  const at = formatInstantMs(now);
  return transact(db, 'committed', async (trx) => {
    const id = randomUUID();
    // Taken under its condition: of fifty that redeem one code at once, one meets the row.
    const taken = await trx
      .updateTable('enrolments')
      .set({ used_by: id })
      .where('hash', '=', hash)
      .where('used_by', 'is', null)
      .where('expires_at', '>', at)
      .returning(['name', 'customer'])
      .executeTakeFirst();
    if (taken !== undefined) {
      await verifyNewcomer(trx, request.publicKey);
      return createInstance(trx, { id, ...taken }, request, now);
    }
    const row = await trx.selectFrom('enrolments').selectAll().where('hash', '=', hash).executeTakeFirst();
    if (row === undefined) throw refused('it is unknown');
    if (row.used_by === null) throw refused(`it expired at ${row.expires_at}`);
    return answerAgain(trx, row.used_by, request.publicKey);
  });
}

/** A key that people shut out does not come back by a code; an install of its own makes a new one. Error: enrolment/code-refused. */
async function verifyNewcomer(trx: DatabaseTransaction, publicKey: string): Promise<void> {
  const known = await trx
    .selectFrom('instances')
    .select('standing')
    .where('public_key', '=', publicKey)
    .where('standing', 'is not', null)
    .limit(1)
    .executeTakeFirst();
  if (known !== undefined) throw refused(`the key it comes with is of an install that was ${known.standing}`);
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
  trx: DatabaseTransaction,
  { id, name, customer }: Pick<InstanceRow, 'id' | 'name' | 'customer'>,
  request: RedeemRequest,
  now: EpochMs,
): Promise<RedeemReply> {
  await trx
    .insertInto('instances')
    .values({
      id,
      name,
      hostname: sanitizeLine(request.hostname, MAX_NAME),
      public_key: request.publicKey,
      agent_version: sanitizeLine(request.agentVersion, MAX_NAME),
      enrolled_at: formatInstantMs(now),
      last_sequence: 0,
      customer,
      revision: 1,
    })
    .execute();
  const details = { name, hostname: request.hostname, publicKey: request.publicKey };
  await appendAudit(
    trx,
    { actor: `instance ${id}`, action: 'enrolment.redeemed', subject: id, details },
    now,
  );
  return { instance: id, name };
}

function refused(problem: string): FairleadError {
  return new FairleadError('enrolment/code-refused', { problem });
}
