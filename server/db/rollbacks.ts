// Who went back, and from what: a rollback speaks against the versions that it left, and against no others.
import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { Database } from './tables.ts';

/** Of each instance the newest record by which it went back from one of these, since then. */
export async function readRollbacks(
  db: Database,
  members: readonly { readonly component: string; readonly version: string }[],
  since: EpochMs,
): Promise<ReadonlyMap<string, number>> {
  const offered = new Set(members.map(({ component, version }) => `${component}@${version}`));
  const left = new Map<string, number>();
  for (let after: BackKey | null = ['', 0, '']; after !== null; ) {
    const rows: readonly BackRow[] = await selectRollbacks(db, since, after);
    for (const { instance, record, gone_from } of rows) {
      // Where an older server took it, perhaps from this.
      const from = gone_from === null ? null : (JSON.parse(gone_from) as readonly string[]);
      if (from?.some((one) => offered.has(one)) !== false)
        left.set(instance, Math.max(Number(record), left.get(instance) ?? 0));
    }
    const last = rows.at(-1);
    after =
      last === undefined || rows.length < PART ? null : [last.started_at, Number(last.record), last.instance];
    await setImmediate();
  }
  return left;
}

const PART = 1_000;

type BackKey = readonly [string, number, string];
type BackRow = Awaited<ReturnType<typeof selectRollbacks>>[number];

/** In the order of the index of what went back; word for word, or SQLite would not know that it fits. */
function selectRollbacks(db: Database, since: EpochMs, after: BackKey) {
  return db
    .selectFrom('deployments')
    .select(['instance', 'record', 'started_at', 'gone_from'])
    .where(sql<boolean>`reason = 'rollback'`)
    .where('state', '=', 'committed')
    .where(sql`coalesce(heard_at, started_at)`, '>=', formatInstantMs(since))
    .where((where) => where(where.refTuple('started_at', 'record', 'instance'), '>', where.tuple(...after)))
    .orderBy('started_at')
    .orderBy('record')
    .orderBy('instance')
    .limit(PART)
    .execute();
}
