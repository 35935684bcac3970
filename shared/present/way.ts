// The way to one release for people: whether it can be reached, by which deployments, and what to clear before.

import { digestOfValue } from '../encoding/digest.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { count } from '../errors/entry.ts';
import { assertNever } from '../errors/error.ts';
import type { WayReply } from '../protocol/way.ts';
import { renderCost, renderMoves } from './explanation.ts';
import { indent, type Style } from './table.ts';
import { describeBlockers } from './verdict.ts';

export function renderWay(way: WayReply, style: Style): readonly string[] {
  const { hops, blockers, interruptionMs } = way;
  return [
    style.bold(verdictOf(way, style)),
    ...describeBack(way),
    ...hops.flatMap(({ plan, moves, forecast }, index) => [
      `${hops.length === 1 ? 'Plan' : `Step ${index + 1}`}${plan.reason.kind === 'forced' ? `, forced by ${plan.reason.advisories.join(', ')}` : ''}:`,
      ...renderMoves(moves),
      ...indent(renderCost(plan, { interruptionMs, moves, forecast })),
    ]),
    ...(blockers.length === 0 ? [] : ['In the way:', ...indent(describeBlockers(blockers, style))]),
  ];
}

function describeBack({ back }: WayReply): readonly string[] {
  if (back === undefined) return [];
  const what = `It ran here before, in generation ${back.generation}: plan ${digestOfValue(back.plan)} goes back`;
  return back.problem === null
    ? [`${what}.`, `  ${back.command}`]
    : [`${what}, but ${sanitizeLine(back.problem, 500)}`];
}

function verdictOf({ outcome, target, hops, blockers, back }: WayReply, style: Style): string {
  const deployments =
    hops.length === 1 ? 'one deployment' : `${count(hops.length, 'deployment')}, one after the other`;
  switch (outcome) {
    case 'runs':
      return style.good(`${target} runs already: nothing to do`);
    case 'reachable':
      return blockers.length === 0
        ? style.good(`${target} takes ${deployments}: fairlead apply --reason "why"`)
        : style.warn(`${target} takes ${deployments}, once what stands in the way is cleared`);
    case 'none':
      return back?.problem === null
        ? style.warn(`no update leads to ${target} here, but a rollback does`)
        : style.bad(`nothing leads to ${target} here`);
    default:
      return assertNever(outcome);
  }
}
