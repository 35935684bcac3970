// What the server knows of one instance, as one document whose digest stands in the audit log from then on.

import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf, digestOfValue } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { JsonValue } from '../../shared/encoding/json.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { Evidence } from '../../shared/protocol/instances.ts';
import { appendAudit, entryOf } from './audit.ts';
import { readAuditHead } from './audit-chain.ts';
import { summaryOf } from './instance-row.ts';
import { listProposals } from './proposal-lists.ts';
import { MOST_KEPT } from './proposals.ts';
import type { DatabaseTransaction } from './tables.ts';

/** About one instance; more is strange in itself, and the log has it all. */
const MOST_ENTRIES = 2_000;

/** Of one moment: nothing is written to the instance meanwhile. Error: request/not-found. */
export async function exportEvidence(
  trx: DatabaseTransaction,
  id: string,
  actor: string,
  now: EpochMs,
): Promise<Evidence> {
  const row = await trx.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new FairleadError('request/not-found', { what: `instance ${id}` });
  const { entries, leftOut } = await readEntries(trx, id);
  const head = await readAuditHead(trx);
  const page = { instance: id, limit: MOST_KEPT, after: null };
  const content = {
    schema: 'fairlead/instance-evidence@1' as const,
    at: formatInstantMs(now),
    instance: summaryOf(row),
    publicKey: row.public_key,
    reports: await readReports(trx, id),
    deployments: await readRecords(trx, id),
    proposals: [...(await listProposals(trx, page, now)).entries],
    audit: [...entries],
    auditHead: head,
    auditLeftOut: leftOut,
  };
  const digest = digestOfValue(content as unknown as JsonValue);
  await appendAudit(trx, { actor, action: 'instance.exported', subject: id, details: { digest } }, now);
  return { ...content, digest };
}

async function readReports(trx: DatabaseTransaction, id: string): Promise<Evidence['reports']> {
  const rows = await trx
    .selectFrom('reports')
    .selectAll()
    .where('instance', '=', id)
    .orderBy('sequence')
    .execute();
  return rows.map(({ sequence, received_at, body }) => ({
    ...{ sequence: Number(sequence), received: received_at, digest: digestOf(utf8(body)), body },
  }));
}

async function readRecords(trx: DatabaseTransaction, id: string): Promise<Evidence['deployments']> {
  const rows = await trx
    .selectFrom('deployments')
    .select(['record', 'body'])
    .where('instance', '=', id)
    .orderBy('record')
    .execute();
  return rows.map(({ record, body }) => ({ record: Number(record), digest: digestOf(utf8(body)), body }));
}

/** What it did, what was done about it, and what became of its proposals; the newest, oldest first. */
async function readEntries(trx: DatabaseTransaction, id: string) {
  const about = () =>
    trx
      .selectFrom('audit')
      .where((where) =>
        where.or([
          where('subject', '=', id),
          where('actor', '=', `instance ${id}`),
          where('subject', 'in', where.selectFrom('proposals').select('id').where('instance', '=', id)),
        ]),
      );
  const rows = await about().selectAll().orderBy('sequence', 'desc').limit(MOST_ENTRIES).execute();
  const { total } = await about()
    .select((select) => select.fn.countAll().as('total'))
    .executeTakeFirstOrThrow();
  const entries = rows.reverse().map(entryOf);
  return { entries, leftOut: Number(total) - entries.length };
}
