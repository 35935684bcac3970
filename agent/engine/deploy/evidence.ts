// Evidence: what a failed generation looked like, kept before anything is reverted.
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeText } from '../../../shared/encoding/text.ts';
import type { PlacedComponent } from '../../ports/deploy.ts';
import type { Evidence } from '../../ports/state.ts';
import { look } from './health.ts';
import { prepareAll } from './prepare.ts';
import { isDone, type Run } from './run.ts';

const LOG_BYTES = 16 * 1024;
const STEP = { action: 'evidence', component: null } as const;

/** Once per deployment, and never in the way of the rollback. */
export async function captureEvidence(run: Run): Promise<void> {
  if (isDone(run, STEP)) return;
  const { store, clock, onWarning } = run.options;
  await run
    .step(STEP, async () => {
      const started = await prepareAll(run.options, run.target, run.plan.start);
      const components = await Promise.all(started.map((one) => examine(run, one)));
      const at = formatInstantMs(clock.now());
      await store.writeEvidence({ deployment: run.record.id, at, components });
    })
    .catch(onWarning);
}

async function examine(run: Run, one: PlacedComponent): Promise<Evidence['components'][number]> {
  const { driver } = run.options;
  const { component, unit } = one;
  const status = await driver.status(unit.component);
  const { detail } = await look(run.options, one, 1);
  const log = await driver.logs(unit.component, LOG_BYTES, 'start');
  return { component, status: status.kind, health: detail, log: sanitizeText(log) };
}
