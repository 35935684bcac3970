// Any history of versions up, down and back: each version starts on its own data or those of an older one, and none is lost.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { descend, type Under } from '../../../support/data-beneath.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from '../../../support/deploy-releases.ts';
import { createWorld, deploy } from '../../../support/deploy-world.ts';
import { nameOf } from '../../../support/fake-machine.ts';

const OTHER = 'core/other' as ComponentKey;
const images = [{ archive: 'a.tar', digest: `sha256:${'a'.repeat(64)}` }];
const withVolume = {
  service: { driver: 'compose', file: 'compose.yaml', images, snapshot: ['data'] },
  reversible: 'snapshot',
  hooks: { restore: [{ exec: ['restore'] }] },
} as never;

const both = (version: string, other: string): Deployable =>
  deployableOf(
    {
      [AUTH]: releaseOf(AUTH, version, withVolume),
      [OTHER]: releaseOf(OTHER, other, { reversible: 'yes' } as never),
    },
    { [AUTH]: {}, [OTHER]: {} },
  );

type Act =
  | { readonly to: 'version'; readonly minor: number }
  | { readonly to: 'other' }
  | { readonly to: 'back' }
  | { readonly to: 'generation'; readonly number: number };

async function createInstance() {
  let starts = 0;
  const data = () => world.volumes.data.get(AUTH) ?? '';
  const world = createWorld({
    retention: { generations: 100, bytes: Number.POSITIVE_INFINITY },
    driverOver: (machine) => ({
      ...machine,
      async start(unit) {
        starts++;
        const minor = nameOf(unit).split('.')[1];
        if (unit.component === AUTH) world.volumes.data.set(AUTH, `${data()} ${minor}#${starts}`);
        await machine.start(unit);
      },
    }),
  });
  const { deployer } = world.boot();
  await deployer.recover();
  let other = 0;
  let wanted = 0;
  async function act(one: Act) {
    const why = { reason: 'why', actor: 'ada' };
    if (one.to === 'back') return deployer.rollback(why);
    if (one.to === 'generation') return deployer.rollback({ ...why, to: one.number });
    if (one.to === 'version') wanted = one.minor;
    else {
      other++;
      wanted = (await running()) ?? wanted;
    }
    return deploy(deployer, both(`1.${wanted}.0`, `1.${other}.0`));
  }
  async function running(): Promise<number | null> {
    const version = (await deployer.current())?.releases.get(AUTH)?.document.version;
    return version === undefined ? null : Number(version.split('.')[1]);
  }
  return { world, deployer, data, act, running };
}

async function play(acts: readonly Act[]): Promise<void> {
  const { data, act, running, world } = await createInstance();
  await act({ to: 'version', minor: 1 });
  let under: Under = { minor: 1, before: '', below: null, isCopied: false, generation: null };
  for (const one of acts) {
    const [before, was] = [data(), await running()];
    if (one.to === 'version' && one.minor === was) continue;
    const outcome = await act(one).catch((error: unknown) => error as { readonly code: string });
    const now = (await running()) ?? 0;
    if (!('state' in outcome) || outcome.state !== 'committed') {
      expect(data()).toBe(before);
      const code = 'code' in outcome ? outcome.code : outcome.failure?.code;
      if (code !== 'rollback/way-unknown') expect(code).toBe('rollback/no-target');
      else if (one.to === 'version') expect(descend(under, one.minor)).toBeNull();
      continue;
    }
    if (now === was) {
      expect(data().startsWith(before)).toBe(true);
      continue;
    }
    const landed = now > under.minor ? null : descend(under, now);
    const found = now > under.minor ? before : landed?.data;
    expect(found).toBeDefined();
    expect(data()).toMatch(new RegExp(`^${found} ${now}#\\d+$`));
    under = landed?.under ?? { minor: now, before, below: under, isCopied: true, generation: null };
    // Whoever reads data of a version that is newer than itself reads nonsense.
    const marks = data()
      .trim()
      .split(' ')
      .map((mark) => Number(mark.split('#')[0]));
    expect(Math.max(...marks)).toBe(now);
    expect(world.running()).toContain(`core/auth@1.${now}.0`);
  }
}

const minor = fc.integer({ min: 0, max: 4 });
const acts = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ to: fc.constant('version' as const), minor }) },
    { weight: 1, arbitrary: fc.record({ to: fc.constant('other' as const) }) },
    { weight: 2, arbitrary: fc.record({ to: fc.constant('back' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        to: fc.constant('generation' as const),
        number: fc.integer({ min: 1, max: 8 }),
      }),
    },
  ),
  { maxLength: 12 },
);

describe('data that versions lie over', () => {
  it('are those of the version that runs, after any history', async () => {
    await fc.assert(fc.asyncProperty(acts, play), { numRuns: 60 });
  });

  it.each<[string, readonly Act[], string, string]>([
    [
      'after another component moved in between',
      [{ to: 'version', minor: 2 }, { to: 'other' }, { to: 'generation', number: 1 }],
      '1.1.0',
      '1 1',
    ],
    [
      'after an update to a lower version, over two',
      [
        { to: 'version', minor: 2 },
        { to: 'version', minor: 3 },
        { to: 'version', minor: 1 },
      ],
      '1.1.0',
      '1 1',
    ],
    [
      'after a rollback from what followed a rollback, which leads past what was rejected',
      [{ to: 'version', minor: 2 }, { to: 'back' }, { to: 'version', minor: 3 }, { to: 'back' }],
      '1.1.0',
      '1 1 1',
    ],
  ])('are its own %s', async (_what, history, version, marks) => {
    const { act, data, world } = await createInstance();
    await act({ to: 'version', minor: 1 });

    for (const one of history) expect(await act(one)).toMatchObject({ state: 'committed' });

    expect(world.running()).toContain(`core/auth@${version}`);
    expect(data().replaceAll(/#\d+/g, '').trim()).toBe(marks);
  });

  it('keep a month of writes though a copy of a version that was left lay about', async () => {
    const { act, data, world } = await createInstance();
    for (const minor of [1, 2]) await act({ to: 'version', minor });
    const left = [...world.volumes.copies];
    await act({ to: 'back' });
    for (const [name, copy] of left) world.volumes.copies.set(name, copy);
    world.volumes.data.set(AUTH, `${data()} 1#month`);
    await act({ to: 'version', minor: 3 });

    await act({ to: 'generation', number: 1 });

    expect(data()).toContain('month');
    expect(world.commands.filter((one) => one.startsWith('restore'))).toEqual([
      'restore core/auth@1.2.0',
      'restore core/auth@1.3.0',
    ]);
  });
});
