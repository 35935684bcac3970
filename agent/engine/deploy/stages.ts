// The stages that move files and services forward: fetch, stop, switch, start.
import { durationMs } from '../../../shared/encoding/duration.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { blueGreenOf, canStandBeside, serviceKeys } from '../../core/deploy/blue-green.ts';
import { type Descent, generationsLeft, isDescending } from '../../core/deploy/rollback-target.ts';
import type { Generation } from '../../ports/deployer.ts';
import type { ServiceUnit } from '../../ports/driver.ts';
import type { Route } from '../../ports/traffic.ts';
import { runCommands } from './commands.ts';
import { type PreparedComponent, prepare, startOrder } from './prepare.ts';
import { isDone, type Outcome, type Run } from './run.ts';
import { emptySlot, noteCut } from './slots.ts';

export async function fetchTrees(run: Run): Promise<Outcome> {
  const { trees } = run.options;
  for (const [component, release] of run.target.releases) {
    const { tree } = release.document;
    if (await trees.has(tree.digest)) continue;
    await run.step({ action: 'fetch', component }, () => trees.add(tree));
  }
  return { event: 'fetched' };
}

export async function stopChanged(run: Run): Promise<Outcome> {
  for (const component of run.plan.stop) {
    // It goes on serving until the new one is healthy beside it.
    if (standsBeside(run, component)) continue;
    await run.step({ action: 'stop', component }, () => stopService(run, component, run.previous));
  }
  return { event: 'stopped' };
}

export async function switchGeneration(run: Run): Promise<Outcome> {
  await restoreLeft(run);
  const { number } = run.target;
  await run.step({ action: 'switch', component: null }, () => run.options.store.setCurrent(number));
  return { event: 'switched' };
}

/** On the way down, every release that is left undoes what it did to the data, newest first, while nothing runs. */
async function restoreLeft(run: Run): Promise<void> {
  const descent = await descentOf(run);
  for (const { component } of run.plan.steps.filter(isDescending)) {
    const step = { action: 'restore', component } as const;
    if (isDone(run, step)) continue;
    await run.step(step, async () => {
      for (const generation of generationsLeft(descent, component)) {
        if (generation.releases.get(component)?.document.reversible !== 'snapshot') continue;
        const left = await prepare(run.options, generation, component);
        if (left !== null) await runCommands(run, left, 'restore');
      }
    });
  }
}

export async function descentOf(run: Run): Promise<Descent> {
  const generations = await run.options.store.generations();
  return { steps: run.plan.steps, from: run.previous, to: run.target, generations };
}

export async function startChanged(run: Run): Promise<Outcome> {
  await startUnchanged(run, run.target);
  for (const component of run.plan.start) {
    await run.step({ action: 'start', component }, () => startService(run, component, run.target));
  }
  return { event: 'started' };
}

/** What the deployment leaves alone must run all the same, if it did before: a power cut on the way has stopped it. */
export async function startUnchanged(run: Run, generation: Generation | null): Promise<void> {
  const others = new Set([...run.plan.stop, ...run.plan.start, ...run.progress().red]);
  for (const component of startOrder(generation)) {
    if (!others.has(component)) await startService(run, component, generation);
  }
}

/** Error: service/stuck. */
export async function stopService(
  run: Run,
  component: ComponentKey,
  generation: Generation | null,
): Promise<void> {
  const release = generation?.releases.get(component)?.document;
  const { driver, traffic } = run.options;
  for (const key of serviceKeys(component, release)) {
    const outcome = await driver.stop(key, durationMs(release?.service.stopTimeout ?? 'PT30S'));
    if (outcome === 'stuck') throw new FairleadError('service/stuck', { component });
  }
  // Whatever comes next may want the public port for itself.
  if (blueGreenOf(release) !== null) await traffic.close(component);
}

/** The old and the new version of it run at the same time, and its traffic moves. */
export function standsBeside(
  { previous, target }: Pick<Run, 'previous' | 'target'>,
  component: ComponentKey,
) {
  return canStandBeside(
    previous?.releases.get(component)?.document,
    target.releases.get(component)?.document,
  );
}

/** Once it is healthy: from here on new connections go to it. */
export async function directTraffic(run: Run, one: PreparedComponent): Promise<void> {
  const { component, route } = one;
  if (route !== null)
    await run.step({ action: 'direct', component }, () => run.options.traffic.direct(route));
}

export async function startService(
  run: Run,
  component: ComponentKey,
  generation: Generation | null,
): Promise<void> {
  const prepared = await prepare(run.options, generation, component);
  if (prepared === null) return;
  const { unit, route } = prepared;
  if (route !== null && !(await run.options.driver.runs(unit))) await makeRoom(run, unit, route);
  await run.options.driver.start(unit);
}

/** In a slot may stand what failed there before, or what the last deployment replaced and somebody is still connected to. */
async function makeRoom(run: Run, unit: ServiceUnit, { component, port }: Route): Promise<void> {
  const place = { service: unit.component, port };
  const cut = await emptySlot(run.options, component, place, unit.stopTimeoutMs);
  if (run.previous !== null) await noteCut(run.options, run.previous.number, cut);
}
