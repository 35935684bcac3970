// The files of a deployment: the way forward is made whole, and the way back looked after as far as it lets itself.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Drift } from '../../../shared/schema/deployment.ts';
import { driftOf, isDamage } from '../../core/deploy/generation.ts';
import type { Generation } from '../../ports/deploy.ts';
import type { ReleaseFiles, RepairHow, TreeDeviation } from '../../ports/state.ts';
import type { DeployerOptions } from './options.ts';
import { onBehalfOf } from './prepare.ts';
import type { Outcome, Run } from './run.ts';

/** What does not run has no say: it becomes what was signed, whatever lies there. */
const WHOLE: RepairHow = { added: 'remove', from: 'anywhere' };
/** What runs goes on reading what it wrote itself. */
const AROUND_A_SERVICE: RepairHow = { added: 'keep', from: 'anywhere' };

/**
 * Before anything live is touched. Files of the version that is left never block the way forward: what it added is drift, what it
 * damaged is mended. Errors: deploy/tree-damaged; deploy/way-back-damaged, unless accepted or forced; tree/*, transport/*, disk/*.
 */
export async function secureFiles(run: Run): Promise<Outcome> {
  const live = new Set(run.previous?.manifest.components.map((one) => one.tree));
  for (const component of run.plan.start) {
    const files = run.target.releases.get(component)?.document;
    if (files === undefined || live.has(files.tree.digest)) continue;
    await onBehalfOf(component, () => makeWhole(run, component, files));
  }
  const left = new Set([...run.plan.stop, ...run.plan.start]);
  const drift: Drift[] = [];
  for (const component of left) {
    const files = run.previous?.releases.get(component)?.document;
    if (files !== undefined) drift.push(...(await lookBack(run, component, files)));
  }
  return { event: 'verified', ...(drift.length === 0 ? {} : { drift }) };
}

async function makeWhole(run: Run, component: ComponentKey, files: ReleaseFiles): Promise<void> {
  const { trees } = run.options;
  if ((await trees.verify(files, 'unknown')).length === 0) return;
  await trees.repair(files, WHOLE, run.yielded);
  const [deviation] = await trees.verify(files, 'unknown');
  if (deviation !== undefined) throw new FairleadError('deploy/tree-damaged', { component, ...deviation });
}

async function lookBack(run: Run, component: ComponentKey, files: ReleaseFiles): Promise<readonly Drift[]> {
  const { trees } = run.options;
  const deviations = await trees.verify(files, 'unknown');
  const damage = deviations.find(isDamage);
  if (damage === undefined) return deviations.length === 0 ? [] : [driftOf(component, deviations, true)];
  try {
    await mend(run, files);
  } catch (cause) {
    if (!mayLeaveDamage(run)) throw wayBackDamaged(component, damage, cause);
    return [driftOf(component, deviations, false)];
  }
  return [driftOf(component, deviations, true)];
}

// A server that drips would keep a hole open for the sake of the way back.
const PATIENCE_MS = 60_000;

async function mend({ options: { trees, clock }, plan, yielded }: Run, files: ReleaseFiles): Promise<void> {
  if (plan.reason.kind !== 'forced') return trees.repair(files, AROUND_A_SERVICE, yielded);
  const [patience, mended] = [new AbortController(), new AbortController()];
  void clock.sleep(PATIENCE_MS, mended.signal).then(() => patience.abort());
  try {
    await trees.repair(files, AROUND_A_SERVICE, AbortSignal.any([patience.signal, yielded]));
  } finally {
    mended.abort();
  }
}

// A hole that is being used, a release that a person or the agent turns away from: waiting for its files helps nobody.
export function mayLeaveDamage({ plan, acceptDrift }: Run): boolean {
  return acceptDrift || plan.reason.kind === 'forced' || plan.reason.kind === 'rollback';
}

function wayBackDamaged(component: ComponentKey, { path, problem }: TreeDeviation, cause: unknown) {
  const because = cause instanceof Error ? cause.message : 'the repair failed';
  return new FairleadError('deploy/way-back-damaged', { component, path, problem, because }, { cause });
}

/** Error: deploy/tree-damaged. */
export async function verifyUndamaged(
  { trees }: Pick<DeployerOptions, 'trees'>,
  generation: Generation | null,
  component: ComponentKey,
): Promise<void> {
  const files = generation?.releases.get(component)?.document;
  const damage = files === undefined ? undefined : (await trees.verify(files)).find(isDamage);
  if (damage !== undefined) throw new FairleadError('deploy/tree-damaged', { component, ...damage });
}
