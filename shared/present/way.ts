// The way to one release for people: whether it can be reached, by which deployments, and what to clear before.
import { assertNever } from '../errors/assert-never.ts';
import type { WayReply } from '../protocol/way.ts';
import { renderCost, renderMoves } from './explanation.ts';
import type { Style } from './style.ts';
import { indent } from './table.ts';
import { describeBlockers } from './verdict.ts';

export function renderWay(way: WayReply, style: Style): readonly string[] {
  const { hops, blockers, interruptionMs } = way;
  return [
    style.bold(verdictOf(way, style)),
    ...hops.flatMap(({ plan, moves }, index) => [
      `${hops.length === 1 ? 'Plan' : `Step ${index + 1}`}${plan.reason.kind === 'forced' ? `, forced by ${plan.reason.advisories.join(', ')}` : ''}:`,
      ...renderMoves(moves),
      ...indent(renderCost(plan, interruptionMs, moves)),
    ]),
    ...(blockers.length === 0 ? [] : ['In the way:', ...indent(describeBlockers(blockers, style))]),
  ];
}

function verdictOf({ outcome, target, hops, blockers }: WayReply, style: Style): string {
  const deployments =
    hops.length === 1 ? 'one deployment' : `${hops.length} deployments, one after the other`;
  switch (outcome) {
    case 'runs':
      return style.good(`${target} runs already: nothing to do`);
    case 'reachable':
      return blockers.length === 0
        ? style.good(`${target} takes ${deployments}: fairlead apply --reason "why"`)
        : style.warn(`${target} takes ${deployments}, once what stands in the way is cleared`);
    case 'none':
      return style.bad(`nothing leads to ${target} here`);
    default:
      return assertNever(outcome);
  }
}
