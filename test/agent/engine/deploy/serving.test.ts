// A blue-green capability is served at every single moment, also while the agent dies and comes back.
import { describe, expect, it } from 'vitest';
import { selectSlot, slotKey } from '../../../../agent/core/deploy/blue-green.ts';
import { prepareWorld, SCENARIOS } from '../../../support/deploy-scenarios.ts';
import type { World } from '../../../support/deploy-world.ts';
import type { Faults } from '../../../support/fault-gate.ts';

/** Looks at the world before every call, and lets the n-th be the last. */
function watching(world: World, gaps: string[], last: number): Faults {
  return ({ port, detail }, n) => {
    for (const [component, slot] of world.routes) {
      if (world.pidOf(slotKey(component, slot)) === null) gaps.push(`${last}: before ${port} ${detail}`);
    }
    return n === last ? 'crash-after' : 'none';
  };
}

describe('traffic', () => {
  it.each(SCENARIOS.filter(({ name }) => name.startsWith('a blue-green')))(
    'of $name always leads to a service that runs',
    async (scenario) => {
      const gaps: string[] = [];
      let last = 0;
      for (let calls = 1; last <= calls; last++) {
        const world = await prepareWorld(scenario);
        const first = world.boot(watching(world, gaps, last));
        await first.deployer
          .recover()
          .then(() => scenario.act(world, first.deployer))
          .catch(() => undefined);
        await world.boot(watching(world, gaps, 0)).deployer.recover();
        if (last === 0) calls = first.calls.length;
        expect(world.routes.size).toBe(1);
      }
      expect(last).toBeGreaterThan(30);
      expect(gaps).toEqual([]);
    },
  );
});

describe('the slot of a unit', () => {
  it.each([
    ['is where it runs', { running: 'green', taken: ['blue'], directed: 'blue' }, 'green'],
    ['is blue at first', { running: null, taken: [], directed: null }, 'blue'],
    [
      'is never that of what serves the traffic',
      { running: null, taken: ['green'], directed: 'green' },
      'blue',
    ],
    [
      'is that of the traffic when nothing serves it',
      { running: null, taken: [], directed: 'green' },
      'green',
    ],
    [
      'may be taken from what serves nobody',
      { running: null, taken: ['blue', 'green'], directed: 'blue' },
      'green',
    ],
  ] as const)('%s', (_, { running, taken, directed }, slot) => {
    expect(selectSlot({ running, taken: new Set(taken), directed })).toBe(slot);
  });
});
