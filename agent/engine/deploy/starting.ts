// Starting what changes: services first and healthy, the agent itself last, and the new agent first of all once it is at work.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { isOwn } from '../../core/deploy/generation.ts';
import { ranOnce } from './evidence.ts';
import { watchUntilHealthy } from './health.ts';
import { runsIn } from './prepare.ts';
import type { Outcome, Run } from './run.ts';
import { startService, startUnchanged } from './stages.ts';
import { judgedComponents } from './verify.ts';

/**
 * A new agent never takes over in the middle of anything: all else that changes runs and is healthy by then, and what fails
 * there goes back without it. The one that has taken over proves itself before it waits for others: its service manager counts the time.
 */
export async function startInOrder(run: Run): Promise<Outcome> {
  const own = run.plan.start.filter((component) => isOwn(run.target, component));
  const others = run.plan.start.filter((component) => !own.includes(component));
  const hasTakenOver = own.length > 0 && (await areAtWork(run, own));
  if (hasTakenOver) await startEach(run, own);
  await startUnchanged(run, run.target);
  await startEach(run, others);
  if (own.length > 0 && !hasTakenOver) {
    const judged = (await judgedComponents(run)).filter(({ component }) => !own.includes(component));
    await watchUntilHealthy(run.options, judged);
    await startEach(run, own);
  }
  return { event: 'started' };
}

async function startEach(run: Run, components: readonly ComponentKey[]): Promise<void> {
  for (const component of components) {
    await run.step({ action: 'start', component }, async () => {
      await startService(run, component, run.target);
      return ranOnce(run, component);
    });
  }
}

/** What a person put in the agent's place passes for every version of it: the new one is there where it passes for the old one no more. */
async function areAtWork(run: Run, own: readonly ComponentKey[]): Promise<boolean> {
  const { options, target, previous } = run;
  for (const component of own) {
    if (!(await runsIn(options, target, component)) || (await runsIn(options, previous, component)))
      return false;
  }
  return true;
}
