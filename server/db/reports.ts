// Reports coming in, many at once: the newest state of each instance, and a bounded history of them.
import { formatInstantMs } from '../../shared/encoding/instant.ts';
import { type FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { hear, NO_VOICES, twinsHeard, type Voices } from '../core/quota.ts';
import { appendAudit } from './audit.ts';
import { appendEvents } from './events.ts';
import { isHeld, type TakenBeat, writeBeats } from './heartbeats.ts';
import { KNOWN, type KnownRow } from './instance-row.ts';
import { inParts, isAmong } from './page.ts';
import { type ReceivedBeat, type ReceivedReport, writeRecords } from './records.ts';
import { selectEvents } from './report-events.ts';
import { writeHistory, writeRows, writeVoices } from './report-rows.ts';
import { verifySpeaker } from './standing.ts';
import type { DatabaseTransaction } from './tables.ts';
import { isPostgres } from './transact.ts';

/** What an agent says: everything, or that nothing else is to be said. */
export type Received = ReceivedReport | ReceivedBeat;

/** What became of it. */
export interface Taken {
  /** The highest held once it was looked at; a repeat or a late one changes nothing. One more where another report has its number. */
  readonly sequence: number;
  /** What the row says is what this sender said: a report that was kept, a heartbeat that fits it. */
  readonly isHeld: boolean;
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
  const answers = batch.map((one) => {
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
  await keepVoices(trx, known, hearAll(known, letIn));
  if (kept.length > 0) await write(trx, known, kept);
  await writeBeats(trx, beats);
  return answers;
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

/** Also of reports that change nothing else: two agents of one identity overtake each other's numbers. */
function hearAll(
  known: ReadonlyMap<string, KnownRow>,
  batch: readonly Received[],
): ReadonlyMap<string, Voices> {
  const heard = new Map<string, Voices>();
  for (const { instance, boot, received } of batch) {
    if (boot === null) continue;
    const stored = known.get(instance)?.voices ?? null;
    const before = heard.get(instance) ?? (stored === null ? NO_VOICES : (JSON.parse(stored) as Voices));
    heard.set(instance, hear(before, boot, received));
  }
  return heard;
}

/** Mostly nothing: an agent that speaks on is what was heard last. */
async function keepVoices(
  trx: DatabaseTransaction,
  known: ReadonlyMap<string, KnownRow>,
  heard: ReadonlyMap<string, Voices>,
): Promise<void> {
  const news = [...heard]
    .map(([instance, voices]) => ({ instance, text: JSON.stringify(voices), at: twinsHeard(voices) }))
    .filter(({ instance, text }) => known.has(instance) && known.get(instance)?.voices !== text)
    .sort((a, b) => (a.instance < b.instance ? -1 : 1));
  await writeVoices(
    trx,
    news.map(({ instance, text, at }) => [instance, text, at === null ? null : formatInstantMs(at)]),
  );
  for (const { instance, at } of news) {
    // Once: from then on the list says when they were last heard.
    if (at === null || known.get(instance)?.twins_heard !== null) continue;
    const event = { actor: `instance ${instance}`, action: 'identity.twinned', subject: instance };
    await appendAudit(trx, event, at);
  }
}

async function write(
  trx: DatabaseTransaction,
  known: ReadonlyMap<string, KnownRow>,
  kept: readonly ReceivedReport[],
): Promise<void> {
  const events = await selectEvents(trx, known, kept);
  const newest = [...new Map(kept.map((one) => [one.instance, one])).values()].sort(byInstance);
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

async function lockInstances(
  trx: DatabaseTransaction,
  batch: readonly Received[],
): Promise<ReadonlyMap<string, KnownRow>> {
  const ids = [...new Set(batch.map(({ instance }) => instance))].sort();
  const rows = await trx
    .selectFrom('instances')
    .select(KNOWN)
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
