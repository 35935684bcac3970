// A repair, call by call: what is mended before and after a restart, from where, and what it is refused for.
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { repairCurrent } from '../../../../agent/engine/deploy/repair.ts';
import type { TreeDeviation } from '../../../../agent/ports/state.ts';
import { AUTH, deployableOf } from '../../../support/deploy-releases.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';

const CHANGED: TreeDeviation = { path: 'server.js', problem: 'changed' };
const MISSING: TreeDeviation = { path: 'server.js', problem: 'missing' };
const ADDED: TreeDeviation = { path: 'cache', problem: 'unexpected' };
const ONE = deployableOf({ [AUTH]: '1.0.0' });

function damaged(...deviations: readonly TreeDeviation[]) {
  const acts: unknown[] = [];
  const world = {
    found: deviations,
    runs: true,
    outcome: 'stopped',
    keeps: true,
    current: 1 as number | null,
  };
  const { signal } = new AbortController();
  const options = {
    secrets: { learn: () => undefined },
    store: {
      dataDirectoryOf: () => '/data',
      currentNumber: async () => world.current,
      generations: async () => [{ ...ONE, number: 1 }],
    },
    trees: {
      directoryOf: () => '/tree',
      verify: async () => world.found,
      async repair(_files: unknown, how: object, ends?: AbortSignal) {
        await later();
        acts.push(['repair', how, ends === signal]);
        if (world.keeps) world.found = [];
      },
    },
    driver: {
      runs: async () => world.runs,
      async stop(key: string, timeoutMs: number) {
        await later();
        acts.push(['stop', key, timeoutMs]);
        // Files may change again under a service, up to its very end.
        world.found = [CHANGED];
        return world.outcome;
      },
      start: async ({ component }: { readonly component: string }) => void acts.push(['start', component]),
    },
  };
  const repair = (removeAdded = false) => repairCurrent(options as never, removeAdded, signal);
  return { acts, world, repair };
}
const from = (where: string, added: string, ends: boolean) => ['repair', { added, from: where }, ends];

describe('a repair', () => {
  it('of what may have been loaded mends, stops, mends from this machine, and starts', async () => {
    const { acts, repair } = damaged(CHANGED);

    expect(await repair()).toMatchObject([{ component: AUTH, restarted: true, added: 0 }]);

    expect(acts).toEqual([
      from('anywhere', 'keep', true),
      ['stop', AUTH, 5_000],
      from('local', 'keep', false),
      ['start', AUTH],
    ]);
  });

  it.each<[string, readonly TreeDeviation[], boolean, boolean, number]>([
    ['what is missing, for that was never loaded', [MISSING], false, true, 0],
    ['what does not run', [CHANGED], false, false, 0],
    ['what is missing beside what was added', [MISSING, ADDED], false, true, 1],
  ])('restarts nothing for %s', async (_what, deviations, removeAdded, runs, added) => {
    const { acts, world, repair } = damaged(...deviations);
    world.runs = runs;

    expect(await repair(removeAdded)).toEqual([
      {
        ...{ component: AUTH, version: '1.0.0', restarted: false, added },
        deviations: deviations.filter(({ problem }) => problem !== 'unexpected'),
      },
    ]);
    expect(acts).toEqual([from('anywhere', 'keep', true)]);
  });

  it('removes what was added where it is told to, and only then', async () => {
    const told = damaged(CHANGED, ADDED);
    expect(await told.repair(true)).toMatchObject([{ deviations: [CHANGED, ADDED], added: 0 }]);
    expect(told.acts[0]).toEqual(from('anywhere', 'remove', true));

    const untold = damaged(ADDED);
    expect(await untold.repair()).toMatchObject([{ deviations: [], restarted: false, added: 1 }]);
    expect(untold.acts).toEqual([]);
  });

  it.each([true, false])('is refused where the disk does not keep what it mends: %s', async (runs) => {
    const { acts, world, repair } = damaged(CHANGED);
    Object.assign(world, { keeps: false, runs });

    expect(dataOf(await rejectionOf(repair()), 'deploy/tree-damaged')).toEqual({
      component: AUTH,
      ...CHANGED,
    });
    expect(acts).not.toContainEqual(['start', AUTH]);
  });

  it('does not start beside what does not stop', async () => {
    const { acts, world, repair } = damaged(CHANGED);
    world.outcome = 'stuck';

    expect(dataOf(await rejectionOf(repair()), 'service/stuck')).toEqual({ component: AUTH });
    expect(acts).not.toContainEqual(['start', AUTH]);
  });

  it('of an empty instance, or of what is whole, is none', async () => {
    const { world, repair } = damaged(CHANGED);
    world.current = null;

    expect(await repair()).toEqual([]);
    expect(await damaged().repair()).toEqual([]);
  });
});
