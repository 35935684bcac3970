// What a plan moves, for people: each component, why it gets its version, and how much of it still has to come.
import type { Digest } from '../../shared/encoding/digest.ts';
import type { Move } from '../../shared/protocol/admin.ts';
import type { Offer } from './conclude.ts';
import { comingOf, type Means } from './forecast.ts';

/** Adds the trees to `here`: what two components are made of, or an earlier deployment on the way brought, comes once. */
export function movesOf(
  { plan, target }: Offer,
  here: Set<Digest>,
  { weights }: Pick<Means, 'weights'>,
): Move[] {
  const origins = new Map(target.manifest.components.map((each) => [each.component, each.origin]));
  return plan.steps.map((step) => {
    const { component } = step;
    const tree = target.releases.get(component)?.document.tree;
    const coming = tree === undefined || here.has(tree.digest) ? null : comingOf(tree, weights);
    if (tree !== undefined) here.add(tree.digest);
    return {
      ...step,
      origin: origins.get(component) ?? null,
      bytes: coming?.bytes ?? 0,
      ...(coming?.way === null ? { atMost: true as const } : {}),
    };
  });
}
