// Reports coming in, many at once: the newest state of each instance, and a bounded history of them. The thread that writes does all of it where there is one.
import { Kysely, sql } from 'kysely';
import type { ErrorCode, ErrorData } from '../../shared/errors/catalogue.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import type { Witnessed } from '../../shared/protocol/receipt.ts';
import { isFinal } from '../../shared/schema/deployment.ts';
import { appendEvents } from './events.ts';
import { isHeld, type TakenBeat, writeBeats } from './heartbeats.ts';
import { KNOWN, type KnownRow } from './instance-row.ts';
import { witnessLedgers } from './ledger-heads.ts';
import { dialectOf, writerOf } from './node-sqlite.ts';
import { inParts, isAmong } from './page.ts';
import { type ReceivedBeat, type ReceivedReport, writeRecords } from './records.ts';
import { selectEvents } from './report-events.ts';
import { writeHistory, writeRows } from './report-rows.ts';
import { writeSpans } from './spans.ts';
import type { SqliteFile } from './sqlite-file.ts';
import { verifySpeaker } from './standing.ts';
import type { Database, DatabaseTransaction, Tables } from './tables.ts';
import { isPostgres, transact } from './transact.ts';
import { hearVoices } from './voices.ts';

/** What an agent says: everything, or that nothing else is to be said. */
export type Received = ReceivedReport | ReceivedBeat;

/** What became of it, and what else its sender is told. */
export interface Taken {
  /** The highest held once it was looked at; a repeat or a late one changes nothing. One more where another report has its number. */
  readonly sequence: number;
  /** What the row says is what this sender said: a report that was kept, a heartbeat that fits it. */
  readonly isHeld: boolean;
  /** Of its proposals; null where there never was one. */
  readonly mark: number | null;
  /** When two agents last spoke in turns in its name; null where that is long ago. */
  readonly twins: string | null;
  /** What the receipt says to a report that was kept and names the head of its log; null for all others. */
  readonly witnessed: Witnessed | null;
}

/** Answers for each, in their order; durable by then. A statement of its own each would wait for a turn of the loop each. */
export async function takeReports(
  db: Database,
  batch: readonly Received[],
): Promise<readonly (Taken | FairleadError)[]> {
  const writer = writerOf(db);
  if (writer === null) return transact(db, 'committed', (trx) => writeReports(trx, batch));
  const told = (await writer(batch)) as readonly Told[];
  return told.map((one) => ('code' in one ? new FairleadError(one.code, one.data) : one));
}

/** Whether it brings a deployment that ended without a commit. */
export function tellsOfFailure(one: Received): boolean {
  return 'rows' in one && one.rows.records.some(({ state }) => isFinal(state) && state !== 'committed');
}

/** An error is no longer one on the other side of a thread. */
export type Told = Taken | { readonly code: ErrorCode; readonly data: ErrorData<ErrorCode> };

/** In the thread that writes, over its connection. */
export function takingReportsOn(file: SqliteFile): (batch: readonly Received[]) => Promise<readonly Told[]> {
  const db = new Kysely<Tables>({ dialect: dialectOf(file) });
  return async (batch) => {
    const taken = await takeReports(db, batch);
    return taken.map((one) => (one instanceof FairleadError ? { code: one.code, data: one.data } : one));
  };
}

/**
 * Answers for each what became of it, or why its sender may not report: auth/refused, instance/isolated, instance/retired. A few
 * statements for the whole batch, rows in one order for everybody: two batches at once cannot lock each other out.
 */
export async function writeReports(
  trx: DatabaseTransaction,
  batch: readonly Received[],
): Promise<readonly (Taken | FairleadError)[]> {
  const known = await lockInstances(trx, batch);
  const held = new Map(known);
  const letIn: Received[] = [];
  const kept: ReceivedReport[] = [];
  const beats: TakenBeat[] = [];
  const found = batch.map((one) => {
    const row = held.get(one.instance);
    const refusal = refusalOf(row ?? null, one);
    if (refusal !== null) return refusal;
    if (row === undefined) throw new Error(`there is no instance ${one.instance}`);
    letIn.push(one);
    const { last_sequence: last, report_digest: digest } = row;
    if (sequenceOf(one) <= last) return { sequence: isAnother(one, row) ? last + 1 : last, isHeld: false };
    if ('rows' in one) {
      kept.push(one);
      held.set(one.instance, { ...row, ...one.rows.instance });
    } else if (isHeld(row, digest, one.beat, one.received)) {
      beats.push({ ...one, sequence: one.beat.sequence });
      held.set(one.instance, { ...row, last_sequence: one.beat.sequence });
    } else return { sequence: last, isHeld: false };
    return { sequence: sequenceOf(one), isHeld: true };
  });
  // Also of reports that change nothing else: two agents of one identity overtake each other's numbers.
  const twins = await hearVoices(trx, known, letIn);
  if (kept.length > 0) await write(trx, known, kept);
  await writeBeats(trx, beats);
  const witnessed = await witnessLedgers(trx, kept);
  return found.map((one, i) => {
    const received = batch[i];
    const id = received?.instance ?? '';
    const mark = known.get(id)?.mark ?? null;
    if (one instanceof FairleadError) return one;
    return {
      ...{ ...one, mark: mark === null ? null : Number(mark), twins: twins.get(id) ?? null },
      witnessed: received !== undefined && 'rows' in received ? (witnessed.get(received) ?? null) : null,
    };
  });
}

/**
 * An agent whose disk was restored counts again from where it once was. Told the very number that it sent, it would take this report
 * for kept, and its records for delivered.
 */
function isAnother(one: Received, { last_sequence: last, report_digest: digest }: KnownRow): boolean {
  return 'rows' in one && sequenceOf(one) === last && one.rows.instance.report_digest !== digest;
}

function sequenceOf(one: Received): number {
  return 'rows' in one ? one.rows.instance.last_sequence : one.beat.sequence;
}

/** Let in before it was shut out, and written after: under the row's lock there is no in between. */
function refusalOf(row: KnownRow | null, { key }: Received): FairleadError | null {
  try {
    verifySpeaker(row, key);
    return null;
  } catch (error) {
    if (isFairleadError(error)) return error;
    throw error;
  }
}

async function write(
  trx: DatabaseTransaction,
  known: ReadonlyMap<string, KnownRow>,
  kept: readonly ReceivedReport[],
): Promise<void> {
  const events = await selectEvents(trx, known, kept);
  const newest = [...new Map(kept.map((one) => [one.instance, one])).values()].sort(byInstance);
  await writeSpans(trx, known, kept);
  await writeRows(trx, newest);
  await writeComponents(
    trx,
    newest.filter(({ instance, rows }) => known.get(instance)?.running !== rows.instance.running),
  );
  await writeBlockers(
    trx,
    newest.filter(({ instance, rows }) => known.get(instance)?.blocked !== rows.instance.blocked),
  );
  await writeHistory(trx, known, kept, newest);
  await writeRecords(trx, kept);
  await appendEvents(trx, events, Math.max(...kept.map(({ received }) => received)));
}

const OF_INSTANCE = sql<boolean>`proposal_marks.instance = instances.id`;

async function lockInstances(
  trx: DatabaseTransaction,
  batch: readonly Received[],
): Promise<ReadonlyMap<string, KnownRow>> {
  const ids = [...new Set(batch.map(({ instance }) => instance))].sort();
  const rows = await trx
    .selectFrom('instances')
    .select(KNOWN)
    .select((select) => select.selectFrom('proposal_marks').select('mark').where(OF_INSTANCE).as('mark'))
    .where(isAmong(trx, 'id', ids))
    .orderBy('id')
    .$if(isPostgres(trx), (query) => query.forUpdate())
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

async function writeComponents(trx: DatabaseTransaction, changed: readonly ReceivedReport[]): Promise<void> {
  if (changed.length === 0) return;
  const instances = changed.map(({ instance }) => instance);
  await trx.deleteFrom('instance_components').where('instance', 'in', instances).execute();
  const rows = changed.flatMap(({ instance, rows: { components } }) =>
    components.map(([component, version]) => ({ instance, component, version })),
  );
  for (const part of inParts(rows)) await trx.insertInto('instance_components').values(part).execute();
}

async function writeBlockers(trx: DatabaseTransaction, changed: readonly ReceivedReport[]): Promise<void> {
  if (changed.length === 0) return;
  const instances = changed.map(({ instance }) => instance);
  await trx.deleteFrom('instance_blockers').where('instance', 'in', instances).execute();
  const rows = changed.flatMap(({ instance, rows: { blockers } }) =>
    blockers.map(([owner, code]) => ({ instance, owner, code })),
  );
  for (const part of inParts(rows)) await trx.insertInto('instance_blockers').values(part).execute();
}

function byInstance(a: ReceivedReport, b: ReceivedReport): number {
  return a.instance < b.instance ? -1 : 1;
}
