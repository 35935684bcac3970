// How instances stand to their own policies: who complies, who violates theirs, and of whom nobody knows.
import { sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { VIOLATIONS } from '../core/alerts.ts';
import { IN_SERVICE } from './instances.ts';
import { SILENT_MS } from './report-events.ts';
import type { Database } from './tables.ts';

export interface Standings {
  readonly complies: number;
  /** Its admin has to do something: files are not what was deployed, the policy cannot be read, a forced patch is held back. */
  readonly violates: number;
  /** Not heard for a day, whatever it said then, or never decided anything. */
  readonly unheard: number;
}

/** Of those in service. */
export async function countStandings(db: Database, now: EpochMs): Promise<Standings> {
  const isKnown = sql<boolean>`verdict is not null and last_seen >= ${formatInstantMs(now - SILENT_MS)}`;
  const violates = sql<boolean>`exists (
    select 1 from instance_blockers as b where b.instance = instances.id and b.owner = 'admin' and b.code in (${sql.join(VIOLATIONS)})
  )`;
  const { all, known, violating } = await db
    .selectFrom('instances')
    .where(IN_SERVICE)
    .select((each) => [
      each.fn.countAll().as('all'),
      each.fn.countAll().filterWhere(isKnown).as('known'),
      each.fn
        .countAll()
        .filterWhere((where) => where.and([isKnown, violates]))
        .as('violating'),
    ])
    .executeTakeFirstOrThrow();
  return {
    complies: Number(known) - Number(violating),
    violates: Number(violating),
    unheard: Number(all) - Number(known),
  };
}
