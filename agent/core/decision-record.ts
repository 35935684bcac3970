// The last decision on disk: what was decided, when it became so, and why.
import { z } from 'zod';
import { instant } from '../../shared/schema/common.ts';
import { type Decision, decision } from '../../shared/schema/decision.ts';

export const decisionRecord = z.strictObject({
  schema: z.literal('fairlead/decision-record@1'),
  /** When this decision was first made; looking again and finding the same changes nothing. */
  since: instant,
  decision,
});
export type DecisionRecord = z.output<typeof decisionRecord>;

export function isSameDecision(a: Decision, b: Decision): boolean {
  return ordered(a) === ordered(b);
}

/** The schema writes keys in its own order, whatever theirs was. */
function ordered(value: Decision): string {
  return JSON.stringify(decision.parse(value));
}
