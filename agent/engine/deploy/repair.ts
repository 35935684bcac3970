// Repairing what runs: files that were changed by hand become again what was signed, and what may have loaded them restarts.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Repair } from '../../ports/deployer.ts';
import type { TreeDeviation } from '../../ports/tree-store.ts';
import { currentGeneration } from './begin.ts';
import type { DeployerOptions } from './options.ts';
import { prepare, startOrder } from './prepare.ts';

/** Safe to interrupt: what is stopped here, supervision starts. Errors: tree/*, transport/*, deploy/tree-damaged, service/*. */
export async function repairCurrent(options: DeployerOptions): Promise<readonly Repair[]> {
  const { store, trees, driver } = options;
  const current = await currentGeneration(options, await store.generations());
  const repairs: Repair[] = [];
  for (const component of startOrder(current)) {
    const release = current?.releases.get(component)?.document;
    if (release === undefined) continue;
    const deviations = await trees.verify(release.tree.digest);
    if (deviations.length === 0) continue;
    await trees.repair(release.tree);
    await verifyRepaired(options, component, release.tree.digest);
    const unit = (await prepare(options, current, component))?.unit;
    const restarted = unit !== undefined && mayHaveLoaded(deviations) && (await driver.runs(unit));
    if (restarted) {
      const outcome = await driver.stop(unit.component, unit.stopTimeoutMs);
      if (outcome === 'stuck') throw new FairleadError('service/stuck', { component });
      await driver.start(unit);
    }
    repairs.push({ component, version: release.version, deviations, restarted });
  }
  return repairs;
}

// What is missing cannot have been loaded. Anything else may run in memory though the disk is whole again.
function mayHaveLoaded(deviations: readonly TreeDeviation[]): boolean {
  return deviations.some(({ problem }) => problem !== 'missing');
}

async function verifyRepaired(
  { trees }: DeployerOptions,
  component: ComponentKey,
  tree: Parameters<DeployerOptions['trees']['verify']>[0],
): Promise<void> {
  const [left] = await trees.verify(tree);
  if (left !== undefined) throw new FairleadError('deploy/tree-damaged', { component, ...left });
}
