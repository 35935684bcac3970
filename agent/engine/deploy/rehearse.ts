// Rehearsing a rollback: everything that can be tried without stopping anything is tried.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Plan } from '../../../shared/schema/deployment.ts';
import {
  isDescending,
  longestInterruption,
  type Rehearsal,
  type RehearsalCheck,
  type RollbackTo,
  rollbackPlan,
  selectRollbackTarget,
  verifyReversible,
  versionsLeft,
} from '../../core/deploy/rollback-target.ts';
import type { PlacedComponent } from '../../ports/deploy.ts';
import type { StoredGeneration } from '../../ports/state.ts';
import { currentGeneration } from './begin.ts';
import { verifyUndamaged } from './files.ts';
import type { DeployerOptions } from './options.ts';
import { servicesLeaving } from './placement.ts';
import { checkAddresses, checkCalls, checkSpace } from './preflight.ts';
import { prepare, prepareAll } from './prepare.ts';
import { copiesOn, verifyCopies } from './volumes.ts';

interface Way {
  readonly options: DeployerOptions;
  readonly target: StoredGeneration;
  readonly previous: StoredGeneration;
  readonly plan: Plan;
}

/** Every problem at once. Error: rollback/no-target. */
export async function rehearse(options: DeployerOptions, to: RollbackTo | undefined): Promise<Rehearsal> {
  const generations = await options.store.generations();
  const current = await currentGeneration(options, generations);
  const records = await options.store.records();
  const target = selectRollbackTarget(generations, records, current?.number ?? null, to);
  const previous = current ?? target;
  const plan = rollbackPlan(previous, target);
  const descent = { steps: plan.steps, from: previous, generations, records };
  const restores = plan.steps
    .filter(isDescending)
    .filter((step) =>
      versionsLeft(descent, step).some(
        ({ by }) => by.releases.get(step.component)?.document.reversible === 'snapshot',
      ),
    );
  const checks = [
    await tried('every version on the way may be left', async () => verifyReversible(descent)),
    ...(copiesOn(descent).length === 0
      ? []
      : [await tried('what data go back to is there', () => verifyCopies(options, descent))]),
    ...(await tryEverything({ options, target, previous, plan })),
  ];
  return {
    generation: target.number,
    steps: plan.steps,
    checks,
    restores: restores.map((step) => step.component),
    interruptionMs: longestInterruption(records),
  };
}

async function tryEverything(way: Way): Promise<readonly RehearsalCheck[]> {
  const { options, target, previous, plan } = way;
  const checks = [await tried('the disk has room', () => checkSpace(way))];
  for (const component of plan.start) checks.push(...(await tryComponent(way, component)));
  for (const component of plan.stop) {
    const left = await prepare(options, previous, component).catch(() => null);
    if (left?.restore.length) {
      checks.push(await tried(`the restore hook of ${component} is there`, () => checkCalls(options, left)));
    }
  }
  const changed = await prepareAll(options, target, plan.start, servicesLeaving(way)).catch(() => []);
  const running = await prepareAll(options, previous, plan.stop).catch(() => []);
  return [
    ...checks,
    await tried('no stranger has its addresses', () => checkAddresses(way, changed, running)),
  ];
}

async function tryComponent(way: Way, component: ComponentKey): Promise<readonly RehearsalCheck[]> {
  const { options, target } = way;
  const files = await tried(`the files of ${component} are what was signed`, () =>
    verifyUndamaged(options, target, component),
  );
  let prepared: PlacedComponent | null = null;
  const settings = await tried(`the settings of ${component} can be read`, async () => {
    prepared = await prepare(options, target, component);
  });
  const programs = await tried(`the programs of ${component} are there`, async () => {
    if (prepared !== null) await checkCalls(options, prepared);
  });
  return [files, settings, programs];
}

async function tried(check: string, act: () => Promise<void>): Promise<RehearsalCheck> {
  try {
    await act();
    return { check, problem: null };
  } catch (error) {
    return { check, problem: error instanceof Error ? error.message : 'it failed' };
  }
}
