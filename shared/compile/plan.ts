// The plan: the ordered steps from what runs to a target, as plain data.
import type { Plan, PlanReason } from '../schema/deployment.ts';
import type { Target } from './target.ts';

export interface PlanInput {
  readonly from: Target | null;
  readonly to: Target;
  readonly reason: PlanReason;
  /** Digests of the trees already in the store. */
  readonly stored: ReadonlySet<string>;
}

/** Null when versions, trees and settings already are what the target says. */
export function planBetween(input: PlanInput): Plan | null {
  throw new TypeError(`no plan for ${input.reason.kind}`);
}
