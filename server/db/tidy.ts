// Rows that nobody asks for any more, removed in bounded steps: old requests' keys, codes that were never used, jobs long given up.
import { sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { pruneAlerts } from './alerts.ts';
import { pruneEvents } from './events.ts';
import { forgetHalts } from './guard-halts.ts';
import { forgetRepeats } from './once.ts';
import { CLOSED_KEPT, pruneProposals } from './proposals.ts';
import { forgetVersions } from './running-versions.ts';
import { forgetSpans } from './spans.ts';
import type { DatabaseTransaction } from './tables.ts';

const DAY_MS = 86_400_000;
/** Until then whoever comes with a code that expired is told so. */
const CODES_KEPT_MS = 30 * DAY_MS;
const GIVEN_UP_KEPT_MS = 30 * DAY_MS;
/** Of one run; the next one goes on. */
const MOST_INSTANCES = 200;

/**
 * Revoked tokens stay: a file that still holds the text of one would let it in again. So do codes that were used: the
 * agent that used one may ask again.
 */
export async function tidy(trx: DatabaseTransaction, now: EpochMs): Promise<void> {
  const before = (ms: number) => formatInstantMs(now - ms);
  await forgetRepeats(trx, now);
  await pruneEvents(trx, now);
  await forgetHalts(trx, now);
  await pruneAlerts(trx);
  await forgetSpans(trx, now);
  await trx
    .deleteFrom('enrolments')
    .where('used_by', 'is', null)
    .where('expires_at', '<', before(CODES_KEPT_MS))
    .execute();
  await trx.deleteFrom('jobs').where('given_up_at', '<', before(GIVEN_UP_KEPT_MS)).execute();
  const crowded = await trx
    .selectFrom('proposals')
    .select('instance')
    .groupBy('instance')
    .having(sql<number>`count(*)`, '>', CLOSED_KEPT)
    .orderBy('instance')
    .limit(MOST_INSTANCES)
    .execute();
  await pruneProposals(
    trx,
    crowded.map(({ instance }) => instance),
    now,
  );
  await forgetVersions(trx);
}
