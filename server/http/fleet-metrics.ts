// The numbers of the fleet: how deployments end and how long they take, who is heard, who complies, who is exposed.
import { SEVERITIES } from '../../shared/schema/advisory.ts';
import { FINAL_STATES } from '../../shared/schema/deployment.ts';
import type { Context } from '../context.ts';
import { REASONS, renderDurations, seriesOf } from '../core/deployment-tallies.ts';
import { listAffected, selectAffected } from '../db/exposure.ts';
import { readInstanceNumbers, readTallies } from '../db/fleet-metrics.ts';
import { countInstances, countTwins } from '../db/instances.ts';
import type { Database } from '../db/tables.ts';
import { readAdvisory } from '../repository/public-files.ts';
import type { AdvisoryRef } from '../repository/state.ts';
import { METRICS_BY_NAME, onceByDigest, together, type Watch } from './metric-table.ts';

export function observeFleet(watch: Watch, context: Context): void {
  const { db, now } = context;
  const readNumbers = together(() => readInstanceNumbers(db, now()));
  watch('fairlead_instances', async (say) => say(await countInstances(db)));
  watch('fairlead_instances_twinned', async (say) => say(await countTwins(db, now())));
  watch('fairlead_instances_by_verdict', async (say) => {
    for (const [verdict, count] of (await readNumbers()).verdicts) say(count, verdict);
  });
  watch('fairlead_instances_heard', async (say) => {
    for (const [within, count] of (await readNumbers()).heard) say(count, String(within));
  });
  watch('fairlead_instances_unhealthy', async (say) => say((await readNumbers()).unhealthy));
  watch('fairlead_policy_compliance_ratio', async (say) => say((await readNumbers()).compliance));
  const readExposure = createExposure(context);
  watch('fairlead_components_exposed', async (say) => {
    const exposed = await readExposure();
    for (const severity of SEVERITIES) say(exposed.get(severity) ?? 0, severity);
  });
  watch('fairlead_deployments_ended_total', async (say) => {
    const read = await readTallies(db);
    for (const outcome of FINAL_STATES) {
      for (const reason of REASONS) say(read(seriesOf.ended(outcome, reason)), outcome, reason);
    }
  });
}

const DURATION = 'fairlead_deployment_duration_seconds';

/** The library has no histogram whose sums somebody else keeps. */
export async function renderDeploymentDurations(db: Database): Promise<string> {
  return renderDurations(DURATION, METRICS_BY_NAME[DURATION].help, await readTallies(db));
}

function createExposure(context: Context): () => Promise<ReadonlyMap<string, number>> {
  const { publisher, store, db } = context;
  const readAdvisories = onceByDigest((ref: AdvisoryRef) => readAdvisory(store, ref));
  return async () => {
    const advisories = await readAdvisories(publisher.published().advisories);
    const running = await listAffected(db, advisories);
    const exposed = new Map<string, number>();
    for (const advisory of advisories) {
      const affected = await selectAffected(advisory, running);
      const components = affected.reduce((sum, { instances }) => sum + instances, 0);
      exposed.set(advisory.severity, (exposed.get(advisory.severity) ?? 0) + components);
    }
    return exposed;
  };
}
