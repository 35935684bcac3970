// The state table: where it can lead, where it cannot, and the diagram drawn from it.
import { describe, expect, it } from 'vitest';
import {
  drawStateDiagram,
  isUntouched,
  TRANSITIONS,
  transition,
} from '../../../../agent/core/deploy/states.ts';
import { DEPLOYMENT_STATES, type DeploymentState, isFinal } from '../../../../shared/schema/deployment.ts';

const ways = Object.entries(TRANSITIONS).flatMap(([from, events]) =>
  Object.entries(events).map(([event, to]) => ({ from: from as DeploymentState, event, to })),
);

function reachableFrom(start: DeploymentState): ReadonlySet<DeploymentState> {
  const found = new Set<DeploymentState>([start]);
  for (const state of found) {
    for (const way of ways.filter((one) => one.from === state)) found.add(way.to);
  }
  return found;
}

describe('the state table', () => {
  it('reaches every state from the first, and an end from every state', () => {
    expect([...reachableFrom('planned')].sort()).toEqual([...DEPLOYMENT_STATES].sort());
    for (const state of DEPLOYMENT_STATES) expect([...reachableFrom(state)].some(isFinal)).toBe(true);
  });

  it('never turns a rollback forward', () => {
    expect([...reachableFrom('rolling-back')].sort()).toEqual([
      'inconsistent',
      'rolled-back',
      'rolling-back',
    ]);
  });

  it('abandons only what never touched the live system, and rolls back all the rest', () => {
    for (const { from, to } of ways) {
      if (to === 'abandoned') expect(isUntouched(from)).toBe(true);
      if (to === 'rolling-back') expect(isUntouched(from)).toBe(false);
    }
    for (const state of DEPLOYMENT_STATES.filter((one) => !isFinal(one) && one !== 'rolling-back')) {
      expect(transition(state as never, 'failed')).toBe(isUntouched(state) ? 'abandoned' : 'rolling-back');
    }
  });

  it('refuses an event that the state does not know', () => {
    expect(() => transition('planned', 'soaked')).toThrow('no way from planned on soaked');
  });
});

describe('the state diagram', () => {
  it('draws every way of the table once', () => {
    const lines = drawStateDiagram().split('\n');

    for (const { from, event, to } of ways) {
      expect(lines.filter((line) => line === `  ${from} --> ${to} : ${event}`)).toHaveLength(1);
    }
    expect(lines.filter((line) => line.endsWith('--> [*]'))).toHaveLength(4);
  });
});
