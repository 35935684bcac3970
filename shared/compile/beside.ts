// What moves beside a fix: each component that no advisory affects, with the demand that leaves it no other choice.
import type { ComponentName } from '../schema/release-ref.ts';
import { listedChildren, requirementsOf } from './constraints.ts';
import type { Context } from './context.ts';
import type { Assignment } from './repair.ts';
import type { Choice } from './running.ts';
import type { Beside } from './target.ts';
import type { Option } from './variables.ts';

/** By component. */
export function findBeside(
  context: Context,
  base: Assignment,
  moves: ReadonlyMap<ComponentName, Choice>,
  affected: ReadonlySet<ComponentName>,
): readonly Beside[] {
  return [...moves]
    .filter(([component]) => !affected.has(component))
    .map(([component, { version }]) => ({
      component,
      from: base.get(component)?.version ?? null,
      to: version,
      because: reasonFor(context, base, moves, component),
    }))
    .toSorted((a, b) => (a.component < b.component ? -1 : 1));
}

/** What moved asks for another version of it; or the version before does not go with what moved. */
function reasonFor(
  context: Context,
  base: Assignment,
  moves: ReadonlyMap<ComponentName, Choice>,
  component: ComponentName,
): string {
  const demandsOf = (owner: ComponentName, option: Option) =>
    option === null || option.release === null
      ? []
      : [...requirementsOf(owner, option.release), ...listedChildren(context, owner, option.release)];
  const before = base.get(component) ?? null;
  const asked = [...moves]
    .flatMap(([owner, choice]) => demandsOf(owner, choice))
    .find((one) => one.on === component && !one.allows(before));
  const unfit = demandsOf(component, before).find((one) => {
    const to = moves.get(one.on);
    return to !== undefined && !one.allows(to);
  });
  // A repair moves nothing else. Were it wrong about that, no fix would be kept from anybody for it.
  return (asked ?? unfit)?.because() ?? 'no reason was found';
}
