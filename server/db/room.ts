// How many of each kind are kept: whoever may make one could otherwise fill the database.
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { DatabaseTransaction } from './tables.ts';

/** Of tokens and codes only those that still let somebody in. As many as are made at the same moment may come on top. */
export const MOST_KEPT = {
  tokens: 10_000,
  codes: 100_000,
  customers: 100_000,
  groups: 10_000,
  policies: 1_000,
  webhooks: 50,
} as const;
export type Kept = keyof typeof MOST_KEPT;

const WORDS: Readonly<Record<Kept, string>> = {
  tokens: 'tokens in force',
  codes: 'enrolment codes that nobody has redeemed',
  customers: 'customers',
  groups: 'groups',
  policies: 'templates of policies',
  webhooks: 'webhooks',
};

/** Before one more is made. Error: request/no-room. */
export async function verifyRoom(trx: DatabaseTransaction, kind: Kept, now: EpochMs): Promise<void> {
  const limit = MOST_KEPT[kind];
  const { kept } = await trx
    .selectFrom(firstOf(trx, kind, formatInstantMs(now), limit).as('some'))
    .select((select) => select.fn.countAll().as('kept'))
    .executeTakeFirstOrThrow();
  if (Number(kept) >= limit) throw new FairleadError('request/no-room', { limit, what: WORDS[kind] });
}

function firstOf(trx: DatabaseTransaction, kind: Kept, at: string, limit: number) {
  switch (kind) {
    case 'tokens':
      return trx
        .selectFrom('tokens')
        .select('name')
        .where('revoked_at', 'is', null)
        .where('expires_at', '>', at)
        .limit(limit);
    case 'codes':
      return trx
        .selectFrom('enrolments')
        .select('name')
        .where('used_by', 'is', null)
        .where('expires_at', '>', at)
        .limit(limit);
    default:
      return trx.selectFrom(kind).select('name').limit(limit);
  }
}
