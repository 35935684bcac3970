// A batch of what agents said: written in one transaction, and what each of them is told. The thread that writes does all of it where there is one.
import { Kysely } from 'kysely';
import type { ErrorCode, ErrorData } from '../../shared/errors/catalogue.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { listTwins } from './instances.ts';
import { dialectOf, writerOf } from './node-sqlite.ts';
import { listMarks } from './proposal-answers.ts';
import { type Received, type Taken, writeReports } from './reports.ts';
import type { SqliteFile } from './sqlite-file.ts';
import type { Database, DatabaseTransaction, Tables } from './tables.ts';
import { transact } from './transact.ts';

export interface TakenReport extends Taken {
  /** Of its proposals; null where there never was one. */
  readonly mark: number | null;
  /** When two agents last spoke in turns in its name; null where that is long ago. */
  readonly twins: string | null;
}

/** Answers for each, in their order; durable by then. A statement of its own each would wait for a turn of the loop each. */
export async function takeReports(
  db: Database,
  batch: readonly Received[],
): Promise<readonly (TakenReport | FairleadError)[]> {
  const writer = writerOf(db);
  if (writer === null) return transact(db, 'committed', (trx) => take(trx, batch));
  const told = (await writer(batch)) as readonly Told[];
  return told.map((one) => ('code' in one ? new FairleadError(one.code, one.data) : one));
}

/** An error is no longer one on the other side of a thread. */
export type Told = TakenReport | { readonly code: ErrorCode; readonly data: ErrorData<ErrorCode> };

/** In the thread that writes, over its connection. */
export function takingReportsOn(file: SqliteFile): (batch: readonly Received[]) => Promise<readonly Told[]> {
  const db = new Kysely<Tables>({ dialect: dialectOf(file) });
  return async (batch) => {
    const taken = await takeReports(db, batch);
    return taken.map((one) => (one instanceof FairleadError ? { code: one.code, data: one.data } : one));
  };
}

/** Two more statements for the whole batch: the answer to a report says whether there is news for its agent, and who else spoke. */
async function take(
  trx: DatabaseTransaction,
  batch: readonly Received[],
): Promise<readonly (TakenReport | FairleadError)[]> {
  const taken = await writeReports(trx, batch);
  const ids = batch.map(({ instance }) => instance);
  const marks = await listMarks(trx, ids);
  const twins = await listTwins(trx, ids, Math.max(...batch.map(({ received }) => received)));
  return taken.map((one, i) => {
    const id = ids[i] ?? '';
    if (one instanceof FairleadError) return one;
    return { ...one, mark: marks.get(id) ?? null, twins: twins.get(id) ?? null };
  });
}
