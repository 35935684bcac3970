// Volumes of a deployment: copied once nothing runs any more, put back on the way back, and kept no longer than that way.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Plan } from '../../../shared/schema/deployment.ts';
import { lineageOf, selectCopied } from '../../core/deploy/lineage.ts';
import {
  type Descent,
  isAscending,
  isDescending,
  type Left,
  versionsLeft,
} from '../../core/deploy/rollback-target.ts';
import type { Generation, PlacedComponent, UnitOf } from '../../ports/deploy.ts';
import type { StoredGeneration } from '../../ports/state.ts';
import type { DeployerOptions } from './options.ts';
import { onBehalfOf, prepare } from './prepare.ts';
import type { Run } from './run.ts';

function hasCopies(generation: Generation, component: ComponentKey): boolean {
  const release = generation.releases.get(component)?.document;
  const service = release?.service;
  return (
    release?.reversible === 'snapshot' && service?.driver === 'compose' && service.snapshot !== undefined
  );
}

/** A copy is made before the plan, which leads there, has it start. */
function isCopiedIn(generation: Generation, plan: Plan, component: ComponentKey): boolean {
  const isUp = plan.steps.some((step) => step.component === component && isAscending(step));
  return isUp && hasCopies(generation, component);
}

/** Errors: disk/full, service/manager-failed. */
export async function verifyVolumeRoom(run: Run, { component, unit }: PlacedComponent): Promise<void> {
  if (unit.kind === 'compose' && isCopiedIn(run.target, run.plan, component))
    await run.options.volumes.verifyRoom(unit);
}

/** Whoever was at work may have died in the middle: a copy is made again, for nothing has started since. */
export async function copyVolumes(run: Run): Promise<void> {
  for (const component of run.plan.start) {
    if (!isCopiedIn(run.target, run.plan, component)) continue;
    await onBehalfOf(component, async () => {
      const unit = await unitOf(run.options, run.target, component);
      if (unit === null) return;
      const save = () => run.options.volumes.save(unit, run.target.number);
      await run.step({ action: 'snapshot', component }, save);
    });
  }
}

/** Of the version that is left: what its volumes were before it came. */
export async function putVolumesBack(
  options: DeployerOptions,
  { by, number }: Left<Generation>,
  component: ComponentKey,
): Promise<void> {
  if (!hasCopies(by, component)) return;
  const unit = await unitOf(options, by, component);
  if (unit !== null) await options.volumes.restore(unit, number);
}

/** Of versions on the way down: the copies that lead back from them. */
export function copiesOn(
  descent: Descent<StoredGeneration>,
): readonly { readonly component: ComponentKey; readonly generation: number }[] {
  return descent.steps.filter(isDescending).flatMap((step) =>
    versionsLeft(descent, step)
      .filter(({ by }) => hasCopies(by, step.component))
      .map(({ number }) => ({ component: step.component, generation: number })),
  );
}

/** Error: deploy/no-snapshot. */
export async function verifyCopies(
  { volumes }: Pick<DeployerOptions, 'volumes'>,
  descent: Descent<StoredGeneration>,
): Promise<void> {
  for (const { component, generation } of copiesOn(descent)) await volumes.verify(component, generation);
}

export async function keepVolumes({ store, volumes }: DeployerOptions): Promise<void> {
  const current = await store.currentNumber();
  if (current === null) return volumes.keepOnly([]);
  const generations = (await store.generations()).filter(({ healthy }) => healthy);
  const lineage = lineageOf(await store.records(), current);
  const versionsOf = (component: ComponentKey) =>
    generations.flatMap((one) => one.releases.get(component)?.document.version ?? []);
  await volumes.keepOnly(selectCopied(lineage, versionsOf));
}

async function unitOf(
  options: DeployerOptions,
  generation: Generation,
  component: ComponentKey,
): Promise<UnitOf<'compose'> | null> {
  const one = await prepare(options, generation, component);
  return one?.unit.kind === 'compose' ? one.unit : null;
}
