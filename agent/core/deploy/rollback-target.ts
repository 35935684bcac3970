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
import { lineageOf, originOf } from './lineage.ts';

/** A generation's number, or a version: the newest generation that ran it. */
export type RollbackTo = number | { readonly component: ComponentKey; readonly version: Version };

/** The wanted generation, or the one that the current came from. Error: rollback/no-target. */
export function selectRollbackTarget<G extends Generation>(
  generations: readonly G[],
  records: readonly DeploymentRecord[],
  current: number | null,
  to: RollbackTo | undefined,
): G {
  const earlier = generations.filter((g) => g.healthy && current !== null && g.number < current);
  const target =
    to === undefined ? selectOrigin(earlier, records, current) : earlier.findLast((g) => isAt(g, to));
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

/**
 * The nearest that is still there; the newest before it where no record tells. What was rolled back from in between is no way
 * back: it was rejected.
 */
export function selectOrigin<G extends { readonly number: number }>(
  generations: readonly G[],
  records: readonly DeploymentRecord[],
  current: number | null,
): G | undefined {
  if (current === null) return undefined;
  const origin = originOf(records, current);
  if (origin === null) return undefined;
  const earlier = generations.filter(({ number }) => number < current);
  if (origin === undefined) return earlier.at(-1);
  return (
    earlier.find((one) => one.number === origin) ??
    selectOrigin(earlier, records, Math.min(origin, current - 1))
  );
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
  readonly generations: readonly G[];
  readonly records: readonly DeploymentRecord[];
}

/** Errors: rollback/not-reversible, for a version on the way down that may not be left; rollback/way-unknown. */
export function verifyReversible(descent: Descent): void {
  for (const step of descent.steps.filter(isDescending)) {
    const { component } = step;
    const { left, isKnown } = wayDown(descent, step);
    const releases = left.flatMap(({ by }) => by.releases.get(component) ?? []);
    const fixed = releases.find((one) => one.document.reversible === 'no');
    if (fixed !== undefined)
      throw new FairleadError('rollback/not-reversible', { component, version: fixed.document.version });
    if (!isKnown && mayHoldData(descent, step))
      throw new FairleadError('rollback/way-unknown', { component, version: step.to ?? '' });
  }
}

/** What the way is not known of may hold one of these. */
function mayHoldData({ generations }: Descent, { component, to }: PlanStep): boolean {
  return generations.some((one) => {
    const release = one.releases.get(component)?.document;
    if (release === undefined || to === null || compareVersions(release.version, to) <= 0) return false;
    return release.reversible === 'snapshot' || release.reversible === 'no';
  });
}

/** A version that a descent leaves. */
export interface Left<G extends Generation> {
  /** As it ran last. */
  readonly by: G;
  /** Under which lies what its data were before it came. */
  readonly number: number;
}

/** The versions that a descent leaves, newest first. Every one counts: each may have changed the data on its way up. */
export function versionsLeft<G extends Generation>(descent: Descent<G>, step: PlanStep): readonly Left<G>[] {
  return wayDown(descent, step).left;
}

function wayDown<G extends Generation>(
  { from, generations, records }: Descent<G>,
  { component, to }: PlanStep,
): { readonly left: readonly Left<G>[]; readonly isKnown: boolean } {
  if (from === null || to === null) return { left: [], isKnown: false };
  const runs = from.releases.get(component)?.document.version;
  const rungs = lineageOf(records, from.number).get(component) ?? [];
  if (runs === undefined || rungs.at(-1)?.version !== runs)
    return { left: [{ by: from, number: from.number }], isKnown: false };
  const over = rungs.filter(({ version }) => compareVersions(version, to) > 0).toReversed();
  const left = over.flatMap(({ version, last, generation }) => {
    const by = version === runs ? from : generations.find((one) => one.number === last);
    return by === undefined ? [] : [{ by, number: generation }];
  });
  const isKnown = over.length < rungs.length && over.every(({ isAscent }) => isAscent);
  return { left, isKnown: isKnown && left.length === over.length };
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
