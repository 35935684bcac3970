// An instance whose agent does not run, for people: that first, then what the disk says was so.
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { formatTable, type Style } from '../../shared/present/table.ts';
import { describeBlockers, describeVerdict } from '../../shared/present/verdict.ts';
import type { AtRest } from './at-rest.ts';

export function renderAtRest(rest: AtRest, style: Style): readonly string[] {
  const { instance, channel, generation, decided, unfinished, components, quarantine, problems } = rest;
  return [
    ...describeAbsence(rest, style),
    ...problems.map((problem) => style.bad(`! ${sanitizeLine(problem, 500)}`)),
    ...(unfinished === null
      ? []
      : [style.bad(`! change ${unfinished.id} was ${unfinished.state}: the agent ends it when it starts`)]),
    ...(decided === null
      ? ['Nothing was decided yet']
      : [
          `Last decision, of ${decided.since}: ${describeVerdict(decided.decision, null, style)}`,
          ...describeBlockers(decided.decision.blockers, style),
        ]),
    `Channel ${channel ?? 'unknown: frozen'}, generation ${generation ?? 'none'}`,
    `Instance "${sanitizeLine(instance.name)}" of ${instance.server}`,
    ...(components.length === 0
      ? ['Nothing is installed.']
      : formatTable([
          ['COMPONENT', 'VERSION', 'WHY'],
          ...components.map((one) => [one.component, one.version, one.origin]),
        ])),
    ...quarantine.map((one) => `In quarantine: ${one.component} ${one.version} since ${one.since}`),
  ];
}

/** The first words of every answer that comes from the disk. */
export function describeAbsence({ agent }: AtRest, style: Style): readonly string[] {
  const since = agent.since ?? 'an unknown time';
  const end = {
    'in-order': `it was stopped at ${since}`,
    killed: `it ended without a word, last seen at ${since}`,
    'never-ran': 'it has never run here',
  }[agent.ended];
  return [
    style.bold(style.bad(`the agent is not running: ${end}`)),
    'Services it started may go on, but nobody watches or updates them. What follows is from the disk.',
    `start it: ${agent.start}`,
  ];
}
