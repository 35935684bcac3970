// Rolling back: the new services stop, the link returns, the old services start and are verified. It never gives up half way.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { PlanStep } from '../../../shared/schema/deployment.ts';
import type { Failure } from '../../../shared/schema/journal.ts';
import { failureOf, HandedOver } from '../../core/deploy/failure.ts';
import { isOwn } from '../../core/deploy/generation.ts';
import { isAscending, isDescending } from '../../core/deploy/rollback-target.ts';
import { drainAndStop } from './drains.ts';
import { captureEvidence } from './evidence.ts';
import { prepare, prepareAll, runsIn } from './prepare.ts';
import { isDone, type Outcome, type Run, runCommands, wasIntended } from './run.ts';
import {
  descentOf,
  directTraffic,
  restoreOver,
  startService,
  startUnchanged,
  stopService,
} from './stages.ts';
import { verifyPrevious } from './verify.ts';
import { isCopied, putVolumesBack } from './volumes.ts';

// A port still in use or a slow disk may spoil one attempt to restore what was healthy a moment ago.
const TRIES = 3;
const PAUSE_MS = 5_000;

export async function rollBack(run: Run): Promise<Outcome> {
  run.wayBack.readAhead();
  await captureEvidence(run);
  const fixed = await irreversibleStep(run);
  if (fixed !== undefined) return { event: 'exhausted', failure: irreversible(fixed) };
  for (let attempt = 1; ; attempt++) {
    const problem = await restore(run);
    if (problem === null) return { event: 'restored' };
    if (attempt >= TRIES) return { event: 'exhausted', failure: problem };
    await run.options.clock.sleep(PAUSE_MS);
  }
}

/** Every part is tried even when another fails: as much of the old generation runs in the end as has its data. */
async function restore(run: Run): Promise<Failure | null> {
  const problems: Failure[] = [];
  const attempt = async (act: () => Promise<void>) => {
    const before = problems.length;
    await act().catch((error: unknown) => {
      if (error instanceof HandedOver) throw error;
      problems.push(failureOf(error));
    });
    return problems.length === before;
  };
  for (const component of run.plan.start.toReversed()) {
    await attempt(() => stopUnlessOld(run, component));
  }
  const number = run.previous?.number ?? null;
  await attempt(() =>
    run.step({ action: 'switch', component: null }, () => run.options.store.setCurrent(number)),
  );
  await attempt(() => startUnchanged(run, run.previous));
  for (const component of run.plan.stop.toReversed()) {
    // Not before its data is its own again; once a person is called, supervision starts it all the same.
    if (!(await attempt(() => restoreSnapshot(run, component)))) continue;
    await attempt(() => startAgain(run, component));
  }
  if (problems.length === 0) await attempt(() => verifyPrevious(run));
  await attempt(() => redirect(run));
  return problems[0] ?? null;
}

async function startAgain(run: Run, component: ComponentKey): Promise<void> {
  // This very process is what a start would come to, or what a person put in its place and stays.
  if (isOwn(run.previous, component) && (await runsIn(run.options, run.previous, component))) return;
  await run.wayBack.mend(component);
  await run.step({ action: 'start', component }, () => startService(run, component, run.previous));
}

async function redirect(run: Run): Promise<void> {
  for (const one of await prepareAll(run.options, run.previous, run.plan.stop)) await directTraffic(run, one);
}

async function stopUnlessOld(run: Run, component: ComponentKey): Promise<void> {
  const old = await prepare(run.options, run.previous, component);
  const isOldThere = old !== null && (await run.options.driver.runs(old.unit));
  if (old === null || !run.serving.has(component)) {
    if (!isOldThere)
      await run.step({ action: 'stop', component }, () => stopService(run, component, run.target));
    return;
  }
  // The old one never stopped: its traffic returns before the new one goes.
  if (isOldThere) await directTraffic(run, old);
  await run.step({ action: 'stop', component }, () => drainAndStop(run.options, old));
}

// The release that is left knows how to undo what it did: its own restore hook runs, once, if it was ever started.
async function restoreSnapshot(run: Run, component: ComponentKey): Promise<void> {
  const step = { action: 'restore', component } as const;
  const way = run.plan.steps.find((one) => one.component === component);
  // What was begun to be taken back on the way down is taken back whole: the newer version starts on older data, or not at all.
  if (way !== undefined && isDescending(way)) {
    if (wasIntended(run, step) || (isUntold(run) && wasStopped(run)))
      await restoreOver(run, way, await descentOf(run));
    return;
  }
  const left = run.target.releases.get(component)?.document;
  if (left?.reversible !== 'snapshot' || isDone(run, step)) return;
  if (!(await mayHaveChangedData(run, component))) return;
  const prepared = await prepare(run.options, run.target, component);
  if (prepared === null) return;
  await run.step(step, async () => {
    await putVolumesBack(run.options, { by: run.target, number: run.target.number }, component);
    await runCommands(run, prepared, 'restore');
  });
}

// A newer version that was given the chance to change its data. A journal that was damaged may have told of it.
async function mayHaveChangedData(run: Run, component: ComponentKey): Promise<boolean> {
  const step = run.plan.steps.find((one) => one.component === component);
  if (step === undefined || !isAscending(step)) return false;
  if (wasIntended(run, { action: 'start', component })) return true;
  return isUntold(run) && (wasStopped(run) || (await isCopied(run, component)));
}

function isUntold(run: Run): boolean {
  return run.progress().failure?.code === 'deploy/journal-damaged';
}

/** By the record, which is written at each state. */
function wasStopped({ record }: Run): boolean {
  return record.stages.some(({ state }) => state === 'switching');
}

async function irreversibleStep(run: Run): Promise<PlanStep | undefined> {
  for (const step of run.plan.steps) {
    const left = run.target.releases.get(step.component)?.document;
    if (left?.reversible === 'no' && (await mayHaveChangedData(run, step.component))) return step;
  }
  return undefined;
}

function irreversible(step: PlanStep): Failure {
  const { component } = step;
  return failureOf(new FairleadError('deploy/irreversible', { component, version: step.to ?? '' }));
}
