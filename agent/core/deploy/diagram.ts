// The state diagram of a deployment, drawn from the transition table for the documentation.
import { type DeploymentState, isFinal } from '../../../shared/schema/deployment.ts';
import { TRANSITIONS } from './states.ts';

/** Mermaid's `stateDiagram-v2`. */
export function drawStateDiagram(): string {
  const ways = Object.entries(TRANSITIONS).flatMap(([from, events]) =>
    Object.entries(events).map(([event, to]) => ({ from, event, to })),
  );
  const ends = new Set(ways.map((way) => way.to).filter((state: DeploymentState) => isFinal(state)));
  return [
    'stateDiagram-v2',
    '  [*] --> planned',
    ...ways.map((way) => `  ${way.from} --> ${way.to} : ${way.event}`),
    ...[...ends].map((state) => `  ${state} --> [*]`),
    '',
  ].join('\n');
}
