// What moves beside a fix: each component that no advisory affects, with the demand that leaves it no other choice.
import type { ComponentName } from '../schema/release-ref.ts';
import { listedChildren, requirementsOf } from './constraints.ts';
import type { Context } from './context.ts';
import type { Assignment } from './repair.ts';
import type { Choice } from './running.ts';
import type { Constraint } from './solve.ts';
import type { Beside } from './target.ts';
import type { Option } from './variables.ts';

/** By component. */
export function findBeside(
  context: Context,
  base: Assignment,
  moves: ReadonlyMap<ComponentName, Choice>,
  affected: ReadonlySet<ComponentName>,
): readonly Beside[] {
  const demanded = [...moves].flatMap(([owner, choice]) => demandsOf(context, owner, choice));
  const askedOf = Map.groupBy(demanded, ({ on }) => on);
  return [...moves]
    .filter(([component]) => !affected.has(component))
    .map(([component, { version }]) => ({
      component,
      from: base.get(component)?.version ?? null,
      to: version,
      because: reasonFor(context, base, moves, component, askedOf.get(component) ?? []),
    }))
    .toSorted((a, b) => (a.component < b.component ? -1 : 1));
}

/** What moved asks for another version of it; or the version before does not go with what moved. */
function reasonFor(
  context: Context,
  base: Assignment,
  moves: ReadonlyMap<ComponentName, Choice>,
  component: ComponentName,
  askedOf: readonly Constraint<Option>[],
): string {
  const before = base.get(component) ?? null;
  const asked = askedOf.find((one) => !one.allows(before));
  const unfit = demandsOf(context, component, before).find((one) => {
    const to = moves.get(one.on);
    return to !== undefined && !one.allows(to);
  });
  // A repair moves nothing else. Were it wrong about that, no fix would be kept from anybody for it.
  return (asked ?? unfit)?.because() ?? 'no reason was found';
}

function demandsOf(context: Context, owner: ComponentName, option: Option): readonly Constraint<Option>[] {
  return option === null || option.release === null
    ? []
    : [...requirementsOf(owner, option.release), ...listedChildren(context, owner, option.release)];
}
