// A request that comes twice under one key has its effect once, and gets the same answer both times.
import { createHash, randomBytes } from 'node:crypto';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { NONCE_BYTES, openSealed, seal } from '../core/seal.ts';
import type { Database, DatabaseTransaction } from './tables.ts';
import { transact } from './transact.ts';

/** What an Idempotency-Key stands for: one caller, one route, one key. */
export interface Mark {
  readonly key: string;
  /** Of address and body: the same key with another request is a mistake. */
  readonly request: string;
  /** What the answer is sealed with: it may hold a secret, such as an enrolment code, and the key is kept nowhere. */
  readonly seal: Buffer;
}

export const KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * The work, its answer and the key in one transaction: a crash leaves all of them or none, and of two at once the second
 * waits for the first. Without a mark only the work. Errors: request/key-reused, and those of the work.
 */
export async function transactOnce<Reply extends object>(
  db: Database,
  mark: Mark | null,
  now: EpochMs,
  work: (trx: DatabaseTransaction) => Promise<Reply>,
): Promise<Reply> {
  return transact(db, 'committed', async (trx) => {
    if (mark === null) return await work(trx);
    await forgetRepeats(trx, now);
    const { numInsertedOrUpdatedRows: taken } = await trx
      .insertInto('repeats')
      .values({ key: mark.key, request: mark.request, reply: '', created_at: formatInstantMs(now) })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .executeTakeFirstOrThrow();
    if (taken === 0n) return await answerAgain<Reply>(trx, mark);
    const reply = await work(trx);
    await trx
      .updateTable('repeats')
      .set({ reply: seal(JSON.stringify(reply), mark.seal, randomBytes(NONCE_BYTES)).toString('base64') })
      .where('key', '=', mark.key)
      .execute();
    return reply;
  });
}

/** Sealed or not, an answer that held a secret is kept no longer than it may be asked for. */
export async function forgetRepeats(trx: DatabaseTransaction, now: EpochMs): Promise<void> {
  await trx
    .deleteFrom('repeats')
    .where('created_at', '<', formatInstantMs(now - KEPT_MS))
    .execute();
}

async function answerAgain<Reply>(trx: DatabaseTransaction, mark: Mark): Promise<Reply> {
  const known = await trx
    .selectFrom('repeats')
    .select(['request', 'reply'])
    .where('key', '=', mark.key)
    .executeTakeFirstOrThrow();
  if (known.request !== mark.request) throw new FairleadError('request/key-reused', {});
  const text = openSealed(Buffer.from(known.reply, 'base64'), mark.seal);
  if (text === null) throw new Error('an answer that was kept cannot be read');
  return JSON.parse(text) as Reply;
}

/** `who` is the caller's credential by its id. */
export function makeMark(who: string, route: string, key: string, request: string): Mark {
  const of = (what: string) =>
    createHash('sha256')
      .update(JSON.stringify([what, who, route, key]))
      .digest();
  return {
    key: of('key').toString('hex'),
    request: createHash('sha256').update(request).digest('hex'),
    seal: of('seal'),
  };
}
