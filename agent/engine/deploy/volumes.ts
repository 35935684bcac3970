// Volumes of a deployment: copied once nothing runs any more, put back on the way back, and kept no longer than that way.
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
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

/** Error: deploy/no-snapshot, where what is in them is half put back. */
export async function verifyVolumesWhole(run: Run, { component, unit }: PlacedComponent): Promise<void> {
  if (unit.kind === 'compose') await run.options.volumes.verifyWhole(component);
}

/** Their copies lie side by side until the deployment has ended. Errors: disk/full, service/*. */
export async function verifyVolumeRoom(run: Run, changed: readonly PlacedComponent[]): Promise<void> {
  const { volumes, onWarning } = run.options;
  const copied: UnitOf<'compose'>[] = [];
  for (const { component, unit } of changed) {
    if (unit.kind !== 'compose' || !isCopiedIn(run.target, run.plan, component)) continue;
    const unmounted = await onBehalfOf(component, () => volumes.verifyCopyable(unit));
    if (unmounted.length > 0)
      onWarning(new FairleadError('service/volumes-unmounted', { component, volumes: unmounted.join(', ') }));
    copied.push(unit);
  }
  if (copied.length > 0) await volumes.verifyRoom(copied);
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

/** Whether a copy of what was there before `target` is there and whole: then it may have been started. */
export async function isCopied({ options, target }: Run, component: ComponentKey): Promise<boolean> {
  if (!hasCopies(target, component)) return false;
  const unit = await unitOf(options, target, component);
  if (unit === null) return false;
  try {
    await options.volumes.verifyRestorable(unit, target.number);
    return true;
  } catch (error) {
    if (isFairleadError(error, 'deploy/no-snapshot')) return false;
    throw error;
  }
}

/** Of versions on the way down: the copies that lead back from them. */
export function copiesOn(
  descent: Descent<StoredGeneration>,
): readonly (Left<StoredGeneration> & { readonly component: ComponentKey })[] {
  return descent.steps.filter(isDescending).flatMap((step) =>
    versionsLeft(descent, step)
      .filter(({ by }) => hasCopies(by, step.component))
      .map((left) => ({ ...left, component: step.component })),
  );
}

/** Errors: deploy/no-snapshot, service/manager-failed. */
export async function verifyCopies(
  options: DeployerOptions,
  descent: Descent<StoredGeneration>,
): Promise<void> {
  for (const { component, by, number } of copiesOn(descent)) {
    const unit = await unitOf(options, by, component);
    if (unit !== null) await options.volumes.verifyRestorable(unit, number);
  }
}

/**
 * A record that cannot be read may be all that tells for what a copy is needed: then every one of them stays. To a generation
 * that cannot be read nothing leads; whoever brings it back finds what leads there from above.
 */
export async function keepVolumes({ store, volumes }: DeployerOptions): Promise<void> {
  if ((await store.recordDamages()).length > 0) return;
  const from = Math.min(...(await store.damagedGenerations()));
  const current = await store.currentNumber();
  if (current === null) return volumes.keepOnly(new Map(), from);
  const generations = (await store.generations()).filter(({ healthy }) => healthy);
  const lineage = lineageOf(await store.records(), current);
  const versionsOf = (component: ComponentKey) =>
    generations.flatMap((one) => one.releases.get(component)?.document.version ?? []);
  await volumes.keepOnly(selectCopied(lineage, versionsOf), from);
}

async function unitOf(
  options: DeployerOptions,
  generation: Generation,
  component: ComponentKey,
): Promise<UnitOf<'compose'> | null> {
  const one = await prepare(options, generation, component);
  return one?.unit.kind === 'compose' ? one.unit : null;
}
