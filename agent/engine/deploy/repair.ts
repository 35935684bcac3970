// Repairing what runs: files that were changed by hand become again what was signed, and what may have loaded them restarts.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import { isDamage } from '../../core/deploy/generation.ts';
import type { Generation, Repair } from '../../ports/deploy.ts';
import type { TreeDeviation } from '../../ports/state.ts';
import { currentGeneration } from './begin.ts';
import { verifyUndamaged } from './files.ts';
import type { DeployerOptions } from './options.ts';
import { prepare, startOrder } from './prepare.ts';

/**
 * Safe to interrupt: what is stopped here, supervision starts. What a service added stays unless it is told to go: restarted
 * for it, the service would only write it again. Errors: tree/*, transport/*, deploy/tree-damaged, service/*.
 */
export async function repairCurrent(
  options: DeployerOptions,
  removeAdded: boolean,
  yielded: AbortSignal,
): Promise<readonly Repair[]> {
  const current = await currentGeneration(options, await options.store.generations());
  const repairs: Repair[] = [];
  for (const component of startOrder(current)) {
    const release = current?.releases.get(component)?.document;
    if (release === undefined) continue;
    const found = await options.trees.verify(release);
    if (found.length === 0) continue;
    const deviations = removeAdded ? found : found.filter(isDamage);
    const added = found.length - deviations.length;
    const restarted =
      deviations.length > 0 && (await mend({ options, yielded }, current, release, component, deviations));
    repairs.push({ component, version: release.version, deviations, restarted, added });
  }
  return repairs;
}

/** Whether the service was restarted for it. */
async function mend(
  { options, yielded }: { readonly options: DeployerOptions; readonly yielded: AbortSignal },
  current: Generation | null,
  release: CapabilityRelease,
  component: ComponentKey,
  deviations: readonly TreeDeviation[],
): Promise<boolean> {
  const { trees, driver } = options;
  const added = deviations.every(isDamage) ? 'keep' : 'remove';
  // The files may change again under the service: what counts is what it finds when it starts anew.
  await trees.repair(release, { added, from: 'anywhere' }, yielded);
  const unit = (await prepare(options, current, component))?.unit;
  const restarts = unit !== undefined && mayHaveLoaded(deviations) && (await driver.runs(unit));
  if (!restarts) {
    await verifyUndamaged(options, current, component);
    return false;
  }
  const outcome = await driver.stop(unit.component, unit.stopTimeoutMs);
  if (outcome === 'stuck') throw new FairleadError('service/stuck', { component });
  await trees.repair(release, { added, from: 'local' });
  await verifyUndamaged(options, current, component);
  await driver.start(unit);
  return true;
}

// What is missing cannot have been loaded. Anything else may run in memory though the disk is whole again.
function mayHaveLoaded(deviations: readonly TreeDeviation[]): boolean {
  return deviations.some(({ problem }) => problem !== 'missing');
}
