// The decision: may the target be applied now, and if not, every reason why.
import type { Decision } from '../schema/decision.ts';
import type { DecideInput } from './decide-input.ts';

/** `explain` is the same function with another `now`, approvals or command. */
export function decide(input: DecideInput): Decision {
  throw new TypeError(`undecided at ${input.now}`);
}
