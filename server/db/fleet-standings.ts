// Whether instances run what their own policy lets them run, by the verdict they last reported.
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { IN_SERVICE } from './instances.ts';
import { SILENT_MS } from './report-events.ts';
import type { Database } from './tables.ts';

/** A verdict of a newer agent that nobody here knows says nothing. `kept`: something keeps it from what it should run, and somebody has to do something. `unheard`: nobody knows. */
type PolicyStanding = 'follows' | 'kept' | 'unheard';

function policyStanding(verdict: string | null): PolicyStanding {
  switch (verdict) {
    case 'current':
    case 'apply':
    case 'wait':
    case 'ask':
      return 'follows';
    case 'held':
    case 'blocked':
      return 'kept';
    default:
      return 'unheard';
  }
}

/** Of those in service; whoever was not heard for a day says nothing, whatever it said then. */
export async function countStandings(
  db: Database,
  now: EpochMs,
): Promise<Readonly<Record<PolicyStanding, number>>> {
  const rows = await db
    .selectFrom('instances')
    .where(IN_SERVICE)
    .select((each) => [
      'verdict',
      each.fn.countAll().as('all'),
      each.fn
        .countAll()
        .filterWhere('last_seen', '>=', formatInstantMs(now - SILENT_MS))
        .as('heard'),
    ])
    .groupBy('verdict')
    .execute();
  const counts = { follows: 0, kept: 0, unheard: 0 };
  for (const { verdict, all, heard } of rows) {
    counts[policyStanding(verdict)] += Number(heard);
    counts.unheard += Number(all) - Number(heard);
  }
  return counts;
}
