// Enrolment codes that nobody has redeemed: which there are, and taking one back.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { OpenEnrolment } from '../../shared/protocol/publication.ts';
import { appendAudit } from './audit.ts';
import { cutPart, type Page, type Part } from './page.ts';
import type { Database } from './tables.ts';
import { transact } from './transact.ts';

/** When it was made, and its hash. */
export type EnrolmentKey = readonly [string, string];

/** Of the hash of a code nobody can guess: it tells which one is meant, and is worth nothing. */
const ID_LENGTH = 32;

/** Newest first; also those that have expired and were not cleared away yet. */
export async function listEnrolments(
  db: Database,
  { limit, after }: Page<EnrolmentKey>,
): Promise<Part<OpenEnrolment, EnrolmentKey>> {
  const rows = await db
    .selectFrom('enrolments')
    .selectAll()
    .where('used_by', 'is', null)
    .$if(after !== null, (query) =>
      query.where((where) =>
        where(where.refTuple('created_at', 'hash'), '<', where.tuple(...(after ?? ['', '']))),
      ),
    )
    .orderBy('created_at', 'desc')
    .orderBy('hash', 'desc')
    .limit(limit + 1)
    .execute();
  const { entries, next } = cutPart(
    rows,
    limit,
    ({ name }) => 300 + name.length,
    ({ created_at, hash }): EnrolmentKey => [created_at, hash],
  );
  return {
    entries: entries.map(({ hash, name, created_at, expires_at, customer }) => ({
      ...{ id: hash.slice(0, ID_LENGTH), name, created: created_at, expires: expires_at },
      ...(customer === null ? {} : { customer }),
    })),
    next,
  };
}

/** Error: request/not-found where none of this id waits: it may have been redeemed a moment ago. */
export async function revokeEnrolment(db: Database, id: string, actor: string, now: EpochMs): Promise<void> {
  await transact(db, 'committed', async (trx) => {
    // Under its condition: of a revocation and a redemption at once the second finds nothing.
    const row = await trx
      .deleteFrom('enrolments')
      .where('hash', '>=', id)
      // Behind the last hexadecimal digit.
      .where('hash', '<', `${id}g`)
      .where('used_by', 'is', null)
      .returning('name')
      .executeTakeFirst();
    if (row === undefined) throw new FairleadError('request/not-found', { what: `unused enrolment ${id}` });
    await appendAudit(trx, { actor, action: 'enrolment.revoked', subject: row.name, details: { id } }, now);
  });
}
