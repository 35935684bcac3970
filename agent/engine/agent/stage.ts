// Staging: what is on offer brought onto the disk, so that applying it later needs neither network nor time.
import { planDigest } from '../../../shared/compile/plan.ts';
import type { StageReply } from '../../../shared/protocol/admin.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { type Assessing, assess } from './assess.ts';
import type { Needs } from './state.ts';

/** Fetching is no deployment: no rule of the policy stands against it. Errors: transport/*, tree/*, disk/*. */
export async function stage(state: Assessing & Needs<'trees'>): Promise<StageReply> {
  const { offer } = await assess(state);
  const fetched: ComponentKey[] = [];
  const present: ComponentKey[] = [];
  for (const [component, { document }] of offer?.target.releases ?? []) {
    if (await state.trees.has(document.tree.digest)) present.push(component);
    else {
      await state.trees.add(document.tree);
      fetched.push(component);
    }
  }
  const plan = offer === null ? null : planDigest(offer.plan);
  return { schema: 'fairlead/staged@1', plan, fetched, present };
}
