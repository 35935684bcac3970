// Verification: the new generation must become healthy, pass its smoke tests, and stay healthy through the soak.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { PlacedComponent } from '../../ports/deploy.ts';
import { withOpenPorts } from './drains.ts';
import { watchFor, watchUntilHealthy } from './health.ts';
import { componentsOf, prepareAll } from './prepare.ts';
import { type Outcome, type Run, runCommands } from './run.ts';
import { directTraffic } from './stages.ts';

export async function verifyTarget(run: Run): Promise<Outcome> {
  const judged = await judgedComponents(run);
  const serving = await prepareAll(run.options, run.previous, [...run.serving]);
  await withOpenPorts(run, serving, async () => {
    await watchUntilHealthy(doubting(run), judged);
    for (const component of judged) {
      if (run.plan.start.includes(component.component)) await runCommands(run, component, 'smoke');
    }
  });
  for (const component of judged) await directTraffic(run, component);
  return { event: 'passed' };
}

/** Of a soak of days a forced patch waits for this much; what is committed then is still on probation. */
const SHORTENED_SOAK_MS = 5 * 60_000;

/** A soak that was interrupted starts again: what was not watched does not count. */
export async function soak(run: Run): Promise<Outcome> {
  const { options, yielded } = run;
  const [judged, soakMs] = [await judgedComponents(run), await options.soakMs()];
  await withOpenPorts(run, judged, async () => {
    await watchFor(doubting(run), judged, Math.min(soakMs, SHORTENED_SOAK_MS));
    const rest = soakMs - SHORTENED_SOAK_MS;
    if (rest > 0) await watchFor(doubting(run), judged, rest, yielded);
  });
  return { event: 'soaked' };
}

/** What may have to go is asked as always; meanwhile the files of what would come back are read. */
function doubting({ options, wayBack }: Run) {
  return { ...options, onDoubt: () => wayBack.readAhead() };
}

/** After a rollback: everything that was healthy before must be again. */
export async function verifyPrevious(run: Run): Promise<void> {
  const { red } = run.progress();
  const components = componentsOf(run.previous).filter((one) => !red.has(one));
  await watchUntilHealthy(run.options, await prepareAll(run.options, run.previous, components));
}

// Unchanged components count too: a new version may break its neighbours. What was red before is exempt, except that a
// rollback is made to mend exactly that.
export async function judgedComponents(run: Run): Promise<readonly PlacedComponent[]> {
  const { red } = run.progress();
  const mending = new Set<ComponentKey>(run.plan.reason.kind === 'rollback' ? run.plan.start : []);
  const components = componentsOf(run.target).filter((one) => !red.has(one) || mending.has(one));
  return prepareAll(run.options, run.target, components);
}
