// The step that gives each deployment's error code a column of its own, filled from the records that are there.
import type { Kysely } from 'kysely';
import { columnTypesOf } from './column-types.ts';

interface Filled {
  readonly deployments: {
    readonly instance: string;
    readonly record: number;
    readonly state: string;
    readonly body: string;
    readonly failure_code: string | null;
  };
}

const ROWS_AT_ONCE = 200;
const FAILED = ['rolled-back', 'abandoned', 'inconsistent'];
/** As long as a code is kept. */
const CODE_LENGTH = 100;

export async function addFailureCodes(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema.alterTable('deployments').addColumn('failure_code', text).execute();
  const filled = db as Kysely<Filled>;
  for (let after: readonly [string, number] = ['', 0]; ; ) {
    const [instance, record] = after;
    const rows = await filled
      .selectFrom('deployments')
      .select(['instance', 'record', 'body'])
      .where('state', 'in', FAILED)
      .where((where) => where(where.refTuple('instance', 'record'), '>', where.tuple(instance, record)))
      .orderBy('instance')
      .orderBy('record')
      .limit(ROWS_AT_ONCE)
      .execute();
    for (const row of rows) await fill(filled, row);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = [last.instance, last.record];
  }
}

async function fill(
  db: Kysely<Filled>,
  row: Pick<Filled['deployments'], 'instance' | 'record' | 'body'>,
): Promise<void> {
  const { failure } = JSON.parse(row.body) as { readonly failure: { readonly code: string } | null };
  // PostgreSQL takes no NUL in a text.
  const code = failure?.code.replaceAll('\u0000', '').slice(0, CODE_LENGTH);
  if (code === undefined) return;
  await db
    .updateTable('deployments')
    .set({ failure_code: code })
    .where('instance', '=', row.instance)
    .where('record', '=', row.record)
    .execute();
}
