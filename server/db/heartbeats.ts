// Heartbeats: "as in my report with this digest", taken where that report is what the server holds; and a column for the digest.
import { type Kysely, sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { KnownRow } from './instance-row.ts';
import { elementsOf } from './page.ts';
import type { Beat } from './records.ts';
import { SILENT_MS } from './report-events.ts';
import { columnTypesOf, type DatabaseTransaction } from './tables.ts';

/** Whoever changes what a report says of a row without one takes the digest away: the next word is a whole one. */
export async function addReportDigest(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema.alterTable('instances').addColumn('report_digest', text).execute();
}

/** After a long silence the whole is asked for: somebody was told of it, and is told of the end with what is so now. */
export function isHeld(
  { last_seen: seen }: KnownRow,
  held: string | null,
  beat: Beat,
  now: EpochMs,
): boolean {
  return held === beat.digest && seen !== null && now - Date.parse(seen) <= SILENT_MS;
}

export interface TakenBeat {
  readonly instance: string;
  readonly sequence: number;
  readonly received: EpochMs;
}

/** One statement however many there are, and one text of it; the rows are locked. */
export async function writeBeats(trx: DatabaseTransaction, beats: readonly TakenBeat[]): Promise<void> {
  if (beats.length === 0) return;
  const newest = new Map(beats.map((one) => [one.instance, one]));
  const rows = [...newest.values()].map((one) => [one.instance, one.sequence, formatInstantMs(one.received)]);
  await sql`
    update instances set last_sequence = cast(beat.value->>1 as bigint), last_seen = beat.value->>2
    from ${elementsOf(trx, rows)} as beat where instances.id = beat.value->>0`.execute(trx);
}
