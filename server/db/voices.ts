// Which starts of agents spoke for an instance, and whether two of them live and take turns.
import { sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { hear, NO_VOICES, twinsHeard, type Voices } from '../core/quota.ts';
import { appendAudit } from './audit.ts';
import type { KnownRow } from './instance-row.ts';
import { elementsOf } from './page.ts';
import type { DatabaseTransaction } from './tables.ts';

interface Voice {
  readonly instance: string;
  /** Null for one that does not say. */
  readonly boot: string | null;
  readonly received: EpochMs;
}

/** An agent is told no longer than that: once the copy has parted from it, all is well. Agents report every quarter of an hour. */
const TWINS_TOLD_MS = 2 * 60 * 60 * 1000;

/** Answers when two agents last spoke in turns, of those instances for which that was just now. The rows are locked. */
export async function hearVoices(
  trx: DatabaseTransaction,
  known: ReadonlyMap<string, KnownRow>,
  batch: readonly Voice[],
): Promise<ReadonlyMap<string, string>> {
  const changes = changesIn(known, batch);
  await writeVoices(trx, changes);
  for (const { row, at } of changes) {
    // Once: from then on the list says when they were last heard.
    if (at === null || row.twins_heard !== null) continue;
    const event = { actor: `instance ${row.id}`, action: 'identity.twinned', subject: row.id };
    await appendAudit(trx, event, at);
  }
  const heard = [
    ...[...known.values()].map((row) => [row.id, row.twins_heard] as const),
    ...changes.map(told),
  ];
  const recently = formatInstantMs(Math.max(0, ...batch.map(({ received }) => received - TWINS_TOLD_MS)));
  return new Map(
    [...new Map(heard)].flatMap(([id, at]) => ((at ?? '') > recently ? [[id, at ?? ''] as const] : [])),
  );
}

interface Change {
  readonly row: KnownRow;
  readonly voices: Voices;
  /** When two were last heard in turns. */
  readonly at: EpochMs | null;
}

const told = ({ row, at }: Change) => [row.id, at === null ? null : formatInstantMs(at)] as const;

/** Mostly none: an agent that speaks on is what was heard last. In one order for everybody. */
function changesIn(known: ReadonlyMap<string, KnownRow>, batch: readonly Voice[]): readonly Change[] {
  const heard = new Map<KnownRow, Voices>();
  for (const { instance, boot, received } of batch) {
    const row = known.get(instance);
    if (boot === null || row === undefined) continue;
    const stored = row.voices === null ? NO_VOICES : (JSON.parse(row.voices) as Voices);
    const before = heard.get(row) ?? stored;
    const after = hear(before, boot, received);
    if (after !== before) heard.set(row, after);
  }
  return [...heard]
    .map(([row, voices]) => ({ row, voices, at: twinsHeard(voices) }))
    .sort((a, b) => (a.row.id < b.row.id ? -1 : 1));
}

/** Of agents that began anew, mostly; after a restart of the whole fleet it is everybody. */
async function writeVoices(trx: DatabaseTransaction, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return;
  const rows = changes.map((change) => {
    const [id, at] = told(change);
    return [id, JSON.stringify(change.voices), at];
  });
  await sql`
    update instances set voices = heard.value->>1, twins_heard = heard.value->>2
    from ${elementsOf(trx, rows)} as heard where instances.id = heard.value->>0`.execute(trx);
}
