// Going down: where a manual rollback leads, which versions it leaves, and which may not be left.

import { type Exposure, selectExposures } from '../../../shared/compile/exposure.ts';
import { planBetween } from '../../../shared/compile/plan.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import type { Pieces } from '../../../shared/encoding/pieces.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentRecord, Plan, PlanStep } from '../../../shared/schema/deployment.ts';
import { compareVersions, type Version } from '../../../shared/version/version.ts';
import type { Generation } from './generation.ts';

/** A generation's number, or a version: the newest generation that ran it. */
export type RollbackTo = number | { readonly component: ComponentKey; readonly version: Version };

/** The wanted generation, or the newest healthy one before the current. Errors: rollback/no-target, rollback/not-reversible. */
export function selectRollbackTarget<G extends Generation>(
  generations: readonly G[],
  current: number | null,
  to: RollbackTo | undefined,
): G {
  const earlier = generations.filter((g) => g.healthy && current !== null && g.number < current);
  const target = to === undefined ? earlier.at(-1) : earlier.findLast((g) => isAt(g, to));
  if (target === undefined || current === null) {
    throw new FairleadError('rollback/no-target', {
      wanted: written(to),
      available: earlier.map((g) => g.number).join(', ') || 'none',
    });
  }
  return target;
}

/** The way from one generation to another; the same after a crash as before it. Error: rollback/no-target. */
export function rollbackPlan(previous: Generation, target: Generation): Plan {
  const reason = { kind: 'rollback', generation: target.number } as const;
  const stored = new Set(target.manifest.components.map((one) => one.tree));
  const plan = planBetween({ from: previous, to: target, reason, stored });
  if (plan !== null) return plan;
  throw new FairleadError('rollback/no-target', {
    wanted: `generation ${target.number}`,
    available: 'none that differs from what runs',
  });
}

function isAt(generation: Generation, to: RollbackTo): boolean {
  if (typeof to === 'number') return generation.number === to;
  return generation.releases.get(to.component)?.document.version === to.version;
}

function written(to: RollbackTo | undefined): string {
  if (to === undefined) return 'an earlier generation';
  return typeof to === 'number' ? `generation ${to}` : `${to.component} ${to.version}`;
}

/** The way from one generation to another, as far as it leads to older versions. */
export interface Descent<G extends Generation = Generation> {
  readonly steps: readonly PlanStep[];
  readonly from: G | null;
  readonly to: G;
  readonly generations: readonly G[];
}

/** Error: rollback/not-reversible, for a version on the way down that may not be left. */
export function verifyReversible(descent: Descent): void {
  for (const { component } of descent.steps.filter(isDescending)) {
    const left = generationsLeft(descent, component).flatMap((one) => one.releases.get(component) ?? []);
    const fixed = left.find((one) => one.document.reversible === 'no');
    if (fixed === undefined) continue;
    throw new FairleadError('rollback/not-reversible', { component, version: fixed.document.version });
  }
}

/**
 * The generations, newest first, in which a component ran versions that the descent leaves. Every one counts, not only
 * the newest: each may have changed the data on its way up.
 */
export function generationsLeft<G extends Generation>(
  descent: Descent<G>,
  component: ComponentKey,
): readonly G[] {
  const { from, to } = descent;
  if (from === null) return [];
  const newer = descent.generations.filter(
    (one) => one.healthy && one.number > to.number && one.number < from.number,
  );
  const kept = to.releases.get(component)?.digest;
  const seen = new Set([kept]);
  return [from, ...newer.toReversed()].filter((one) => {
    const digest = one.releases.get(component)?.digest;
    if (digest === undefined || seen.has(digest)) return false;
    seen.add(digest);
    return true;
  });
}

export function isDescending(step: PlanStep): boolean {
  return step.from !== null && step.to !== null && compareVersions(step.to, step.from) < 0;
}

export function isAscending(step: PlanStep): boolean {
  return step.from !== null && step.to !== null && compareVersions(step.to, step.from) > 0;
}

export interface Rehearsal {
  /** Where it would lead. */
  readonly generation: number;
  readonly steps: readonly PlanStep[];
  readonly checks: readonly RehearsalCheck[];
  /** Components whose data go back to a snapshot: what was written since is lost. */
  readonly restores: readonly ComponentKey[];
  /** The longest interruption of the last deployments; null when there was none to measure. */
  readonly interruptionMs: number | null;
}

export interface RehearsalCheck {
  /** `the files of core/auth are what was signed` */
  readonly check: string;
  /** Null when it holds. */
  readonly problem: string | null;
}

const REMEMBERED = 5;

/** From the first stop until everything was healthy again, the longest of the last few. */
export function longestInterruption(records: readonly DeploymentRecord[]): number | null {
  const measured = records.filter((one) => one.state === 'committed').flatMap(interruptionOf);
  return measured.length === 0 ? null : Math.max(...measured.slice(-REMEMBERED));
}

function interruptionOf({ stages }: DeploymentRecord): readonly number[] {
  const from = stages.find((one) => one.state === 'stopping');
  const until = stages.findLast((one) => one.state === 'soaking');
  if (from === undefined || until === undefined) return [];
  const ms = instantMs(until.at) - instantMs(from.at);
  // A clock that was set in between measured nothing.
  return ms >= 0 && ms < 86_400_000 ? [ms] : [];
}

/** Each risk is named one by one: a blanket yes would also cover what nobody has read. Error: rollback/exposes. */
export function* verifyRiskAccepted(
  target: Generation,
  advisories: readonly Advisory[],
  accepted: readonly string[],
): Pieces<void> {
  const exposures = yield* selectExposures(target.manifest, advisories);
  const open = exposures.filter((one) => one.severity === 'critical' && !accepted.includes(one.advisory));
  if (open.length === 0) return;
  const ids = [...new Set([...accepted, ...open.map((one) => one.advisory)])];
  throw new FairleadError('rollback/exposes', {
    generation: target.number,
    advisories: open.map(describe).join(', '),
    accept: ids.map((id) => `--accept-risk ${id}`).join(' '),
  });
}

function describe({ advisory, component, version }: Exposure): string {
  return `${advisory} (${component} ${version})`;
}
