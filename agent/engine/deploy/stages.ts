// The stages that move files and services forward: fetch, verify, stop, switch, start.
import { durationMs } from '../../../shared/encoding/duration.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { type Descent, generationsLeft, isDescending } from '../../core/deploy/rollback-target.ts';
import type { Generation } from '../../ports/deployer.ts';
import { runCommands } from './commands.ts';
import { prepare, startOrder } from './prepare.ts';
import { isDone, type Outcome, type Run } from './run.ts';

export async function fetchTrees(run: Run): Promise<Outcome> {
  const { trees } = run.options;
  for (const [component, release] of run.target.releases) {
    const { tree } = release.document;
    if (await trees.has(tree.digest)) continue;
    await run.step({ action: 'fetch', component }, () => trees.add(tree));
  }
  return { event: 'fetched' };
}

/** Both the way forward and the way back must be whole before anything live is touched. */
export async function verifyTrees(run: Run): Promise<Outcome> {
  await verifyStored(run, run.target, run.plan.start);
  await verifyStored(run, run.previous, run.plan.stop);
  return { event: 'verified' };
}

export async function stopChanged(run: Run): Promise<Outcome> {
  for (const component of run.plan.stop) {
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
  const timeout = generation?.releases.get(component)?.document.service.stopTimeout ?? 'PT30S';
  const outcome = await run.options.driver.stop(component, durationMs(timeout));
  if (outcome === 'stuck') throw new FairleadError('service/stuck', { component });
}

export async function startService(
  run: Run,
  component: ComponentKey,
  generation: Generation | null,
): Promise<void> {
  const prepared = await prepare(run.options, generation, component);
  if (prepared !== null) await run.options.driver.start(prepared.unit);
}

/** Error: deploy/tree-damaged. */
export async function verifyStored(
  run: Pick<Run, 'options'>,
  generation: Generation | null,
  components: readonly ComponentKey[],
): Promise<void> {
  for (const component of components) {
    const release = generation?.releases.get(component);
    if (release === undefined) continue;
    const [deviation] = await run.options.trees.verify(release.document.tree.digest);
    if (deviation !== undefined) throw new FairleadError('deploy/tree-damaged', { component, ...deviation });
  }
}
