// The files of the way back, call by call: when they are read, which of them, and what is mended before they run again.
import { describe, expect, it } from 'vitest';
import { createWayBack } from '../../../../agent/engine/deploy/way-back.ts';
import type { ReleaseFiles, TreeDeviation } from '../../../../agent/ports/state.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { API, AUTH, deployableOf, WEB } from '../../../support/deploy-releases.ts';
import { createFakeClock, settle } from '../../../support/fake-clock.ts';

const CHANGED: TreeDeviation = { path: 'server.js', problem: 'changed' };
const GONE = new Error('no route');
const UNREADABLE = new Error('of a disk');
const OLD = deployableOf({ [API]: '1.0.0', [AUTH]: '1.0.0', [WEB]: '1.0.0' });
const MINUTE_MS = 60_000;

function wayBack(before: object | null = { ...OLD, number: 1 }) {
  const clock = createFakeClock();
  const releases = [...OLD.releases];
  const nameOf = ({ tree }: ReleaseFiles) =>
    releases.find(([, { document }]) => document.tree.digest === tree.digest)?.[0] ?? '';
  const world = {
    running: new Set<string>(),
    damaged: new Map<string, readonly TreeDeviation[]>(),
    isLost: false,
    isUnreadable: false,
    read: async () => undefined as void,
  };
  const reads: (readonly string[])[] = [];
  const repairs: unknown[] = [];
  const warnings: unknown[] = [];
  const options = {
    clock,
    onWarning: (error: unknown) => void warnings.push(error),
    secrets: { learn: () => undefined },
    store: { dataDirectoryOf: () => '/data' },
    driver: {
      async runs({ component }: { readonly component: string }) {
        if (world.running.has('nobody can tell')) throw new Error('the engine does not answer');
        return world.running.has(component);
      },
    },
    trees: {
      directoryOf: () => '/tree',
      async readAhead(all: readonly ReleaseFiles[]) {
        if (world.isUnreadable) throw UNREADABLE;
        reads.push(all.map(nameOf));
        const read = world.read();
        return {
          done: read,
          damages: async (files: ReleaseFiles) => (await read, world.damaged.get(nameOf(files)) ?? []),
        };
      },
      async repair(files: ReleaseFiles, how: object, signal?: AbortSignal) {
        repairs.push([nameOf(files), how, signal]);
        await settle();
        if (world.isLost) throw GONE;
      },
    },
  };
  const facts = { previous: before, plan: { stop: [WEB, AUTH] } };
  return {
    ...{ world, reads, repairs, warnings, clock },
    way: createWayBack(options as never, facts as never),
  };
}

describe('the way back', () => {
  it('is read where there is doubt, what starts first first, and nothing that stays', async () => {
    const { way, reads } = wayBack();

    way.readAhead();
    await settle();

    expect(reads).toEqual([[AUTH, WEB]]);
  });

  it('is read once for all signs of doubt within five minutes, and again where it was longer ago', async () => {
    const { way, reads, clock } = wayBack();

    way.readAhead();
    await clock.advance(5 * MINUTE_MS - 1);
    way.readAhead();
    await settle();
    expect(reads).toHaveLength(1);
    await clock.advance(1);
    way.readAhead();
    await settle();

    expect(reads).toHaveLength(2);
  });

  it('is not read a second time while it is being read, however long that takes', async () => {
    const { way, reads, clock, world } = wayBack();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.read = () => promise;

    way.readAhead();
    await clock.advance(10 * MINUTE_MS);
    way.readAhead();
    await settle();
    expect(reads).toHaveLength(1);
    resolve();
    await settle();
    way.readAhead();
    await settle();

    expect(reads).toHaveLength(2);
  });

  it.each<[string, string, readonly ComponentKey[]]>([
    ['is not read where it runs still, and may write', AUTH, [WEB]],
    ['is not read where nobody can tell whether it runs', 'nobody can tell', []],
  ])('%s', async (_, running, expected) => {
    const { way, reads, world } = wayBack();
    world.running.add(running);

    way.readAhead();
    await settle();

    expect(reads).toEqual([expected]);
  });

  it('is waited for before it starts again', async () => {
    const { way, world } = wayBack();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.read = () => promise;
    way.readAhead();
    let isMended = false;
    const mended = way.mend(AUTH).then(() => {
      isMended = true;
    });
    await settle();
    expect(isMended).toBe(false);

    resolve();
    await mended;
  });

  it('is mended from this machine alone, and only where it is damaged', async () => {
    const { way, world, repairs } = wayBack();
    world.damaged.set(AUTH, [CHANGED]);

    await way.mend(AUTH);
    await way.mend(WEB);

    expect(repairs).toEqual([[AUTH, { added: 'keep', from: 'local' }, undefined]]);
  });

  it('that cannot be read is heard of by who mends it, and by nobody else', async () => {
    const { way, world, warnings, repairs } = wayBack();
    world.isUnreadable = true;

    way.readAhead();
    await settle();
    expect(warnings).toEqual([]);
    await way.mend(AUTH);

    expect([warnings, repairs]).toEqual([[UNREADABLE], []]);
  });

  it('is none for the first version', async () => {
    const { way, reads, warnings } = wayBack(null);

    way.readAhead();
    await settle();
    await way.mend(AUTH);

    expect([reads, warnings]).toEqual([[[]], []]);
  });

  it('starts all the same where it cannot be mended, with a warning; and of what was not there nothing is', async () => {
    const { way, world, warnings, repairs } = wayBack();
    world.damaged.set(AUTH, [CHANGED]);
    world.isLost = true;

    await way.mend(AUTH);
    await way.mend('core/mail' as never);

    expect(warnings).toEqual([GONE]);
    expect(repairs).toHaveLength(1);
  });
});
