// Looks now and then how the fleet stands, and keeps it: who is exposed, who complies with its policy, what runs.
import { SEVERITIES } from '../../shared/schema/advisory.ts';
import type { Context } from '../context.ts';
import { listAffected, selectAffected } from '../db/exposure.ts';
import {
  type Counts,
  countRunningAny,
  countVersions,
  keepSample,
  type VersionPair,
} from '../db/fleet-samples.ts';
import { countStandings } from '../db/fleet-standings.ts';
import type { Effect } from '../db/jobs.ts';
import { inParts } from '../db/page.ts';
import { readAdvisory } from '../repository/public-files.ts';

export async function sampleFleet(context: Context, signal: AbortSignal): Promise<Effect | null> {
  const { db, now } = context;
  const at = now();
  const exposed = await countExposed(context, signal);
  const standing = { ...(await countStandings(db, at)) };
  const running = await countVersions(db);
  const sample = { exposed, standing, running };
  return signal.aborted ? null : (trx) => keepSample(trx, sample, at);
}

/** Of documents, which are signed one by one. */
const READ_AT_ONCE = 8;

/** Instances that run something that an advisory of this severity is about; each severity has its number, were it nobody. */
async function countExposed({ db, store, publisher }: Context, signal: AbortSignal): Promise<Counts> {
  const pairs = new Map(SEVERITIES.map((severity) => [severity, new Map<string, VersionPair>()]));
  for (const refs of inParts(publisher.published().advisories, READ_AT_ONCE)) {
    if (signal.aborted) break;
    const advisories = await Promise.all(refs.map((ref) => readAdvisory(store, ref)));
    const running = await listAffected(db, advisories);
    for (const advisory of advisories) {
      for (const { component, version } of await selectAffected(advisory, running)) {
        pairs.get(advisory.severity)?.set(`${component} ${version}`, [component, version]);
      }
    }
  }
  const counts: Record<string, number> = {};
  for (const [severity, of] of pairs) counts[severity] = await countRunningAny(db, [...of.values()]);
  return counts;
}
