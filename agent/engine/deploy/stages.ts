// The stages that move files and services forward: fetch, stop, switch, start.
import { shortenDigests } from '../../../shared/encoding/digest.ts';
import { durationMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Fetched, PlanStep } from '../../../shared/schema/deployment.ts';
import { isOwn } from '../../core/deploy/generation.ts';
import { type Descent, isDescending, versionsLeft } from '../../core/deploy/rollback-target.ts';
import type { Generation, PlacedComponent } from '../../ports/deploy.ts';
import type { FetchedTree, StoredGeneration } from '../../ports/state.ts';
import { noteCut } from './drains.ts';
import { placementOf } from './placement.ts';
import { prepare, startOrder } from './prepare.ts';
import { isDone, type Outcome, type Run, runCommands } from './run.ts';
import { copyVolumes, putVolumesBack } from './volumes.ts';

export async function fetchTrees(run: Run): Promise<Outcome> {
  const { trees } = run.options;
  for (const [component, release] of run.target.releases) {
    const { tree } = release.document;
    if (await trees.has(tree.digest)) continue;
    await run.step({ action: 'fetch', component }, async () => {
      const fetched = await trees.add(tree, run.yielded);
      return fetched === undefined ? {} : { fetched: toldOf(fetched) };
    });
  }
  return { event: 'fetched' };
}

/** A person reads why a patch was not taken. */
function toldOf({ way, bytes, instead }: FetchedTree): Fetched {
  if (instead === undefined) return { way, bytes };
  const why = instead instanceof Error ? instead.message : String(instead);
  return { way, bytes, instead: sanitizeLine(shortenDigests(why), 300) };
}

export async function stopChanged(run: Run): Promise<Outcome> {
  for (const component of run.plan.stop) {
    // It goes on until the new one is healthy beside it.
    if (run.serving.has(component)) continue;
    await run.step({ action: 'stop', component }, () => stopService(run, component, run.previous));
  }
  await copyVolumes(run);
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
  for (const way of run.plan.steps.filter(isDescending)) await restoreOver(run, way, descent);
}

export async function restoreOver(
  run: Run,
  way: PlanStep,
  descent: Descent<StoredGeneration>,
): Promise<void> {
  const { component } = way;
  const step = { action: 'restore', component } as const;
  if (isDone(run, step)) return;
  await run.step(step, async () => {
    for (const left of versionsLeft(descent, way)) {
      if (left.by.releases.get(component)?.document.reversible !== 'snapshot') continue;
      await putVolumesBack(run.options, left, component);
      const prepared = await prepare(run.options, left.by, component);
      if (prepared !== null) await runCommands(run, prepared, 'restore');
    }
  });
}

export async function descentOf(run: Run): Promise<Descent<StoredGeneration>> {
  const { store } = run.options;
  const [generations, records] = [await store.generations(), await store.records()];
  return { steps: run.plan.steps, from: run.previous, generations, records };
}

/**
 * What the deployment leaves alone must run all the same, if it did before: a power cut on the way has stopped it. The agent
 * itself runs, as this very process: what a person put in its place since the last deployment stays.
 */
export async function startUnchanged(run: Run, generation: Generation | null): Promise<void> {
  const others = new Set([...run.plan.stop, ...run.plan.start, ...run.progress().red]);
  for (const component of startOrder(generation)) {
    if (!others.has(component) && !isOwn(generation, component))
      await startService(run, component, generation);
  }
}

/** Error: service/stuck. */
export async function stopService(
  run: Run,
  component: ComponentKey,
  generation: Generation | null,
): Promise<void> {
  const release = generation?.releases.get(component)?.document;
  const { services, close } = placementOf(run.options, component, release);
  for (const service of services) {
    const timeoutMs = durationMs(release?.service.stopTimeout ?? 'PT30S');
    const outcome = await run.options.driver.stop(service, timeoutMs);
    if (outcome === 'stuck') throw new FairleadError('service/stuck', { component });
  }
  await close();
}

/** Once it is healthy: from here on new connections go to it. */
export async function directTraffic(run: Run, { component, place }: PlacedComponent): Promise<void> {
  await place.open((direct) => run.step({ action: 'direct', component }, direct));
}

export async function startService(
  run: Run,
  component: ComponentKey,
  generation: Generation | null,
): Promise<void> {
  const prepared = await prepare(run.options, generation, component);
  if (prepared === null) return;
  const cut = await prepared.place.makeRoom();
  if (run.previous !== null) await noteCut(run.options, run.previous.number, cut);
  await run.options.driver.start(prepared.unit);
}
