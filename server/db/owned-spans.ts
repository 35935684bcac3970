// Whose an install was from when to when: each customer answers for the time in which it was theirs.
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { inParts } from './page.ts';
import type { SpanRow } from './span-row.ts';
import { upsertSpans } from './spans.ts';
import type { Database, DatabaseTransaction } from './tables.ts';

export interface OwnerChange {
  /** What was its own so far. */
  readonly before: readonly { readonly id: string; readonly enrolled_at: string }[];
  /** And is from now on. */
  readonly ids: readonly string[];
}

/** An install that came with a code of this customer has no row: it is theirs from its enrolment on. */
export async function writeOwned(
  trx: DatabaseTransaction,
  customer: string,
  { before, ids }: OwnerChange,
  now: EpochMs,
): Promise<void> {
  const [had, has] = [new Set(before.map(({ id }) => id)), new Set(ids)];
  const left = before.filter(({ id }) => !has.has(id));
  const came = ids.filter((id) => !had.has(id));
  const at = formatInstantMs(now);
  const open = await readOpen(
    trx,
    customer,
    left.map(({ id }) => id),
  );
  const rows = [
    ...left.map(({ id, enrolled_at }) => ({
      ...(open.get(id) ?? ownedRow(id, customer, enrolled_at)),
      until: at,
    })),
    ...came.map((id) => ownedRow(id, customer, at)),
  ];
  for (const part of inParts(rows)) await upsertSpans(trx, part);
}

function ownedRow(instance: string, customer: string, since: string): SpanRow {
  return {
    ...{ instance, kind: 'owned', subject: customer, value: '', detail: null, since, proof: null },
    ...{ since_sequence: null, since_report: null, heard_before: null },
    ...{ until: null, until_sequence: null, until_report: null },
  };
}

async function readOpen(
  db: Database,
  customer: string,
  instances: readonly string[],
): Promise<ReadonlyMap<string, SpanRow>> {
  const open = new Map<string, SpanRow>();
  for (const part of inParts(instances)) {
    const rows = await db
      .selectFrom('spans')
      .selectAll()
      .where('kind', '=', 'owned')
      .where('subject', '=', customer)
      .where('instance', 'in', part)
      .where('until', 'is', null)
      .execute();
    for (const row of rows) open.set(row.instance, row);
  }
  return open;
}
