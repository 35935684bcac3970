// Settling what has ended: in which order its traces become durable, what is forgotten, and that only the journal goes last.
import { describe, expect, it } from 'vitest';
import { progressOf, recordWith } from '../../../../agent/core/deploy/progress.ts';
import { settle } from '../../../../agent/engine/deploy/settle.ts';
import type { Generation, Quarantined } from '../../../../agent/ports/deploy.ts';
import type { DeploymentRecord, DeploymentState } from '../../../../shared/schema/deployment.ts';
import type { JournalEntry } from '../../../../shared/schema/journal.ts';
import { API, AUTH, deployableOf, WEB } from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { createUnhurried } from '../../../support/unhurried.ts';

const AT = '2026-03-01T10:00:00.000Z';
const generation = (number: number, versions: Record<string, string>, healthy = true): Generation => ({
  ...deployableOf(versions),
  ...{ number, healthy },
});
const OLD = generation(1, { [AUTH]: '1.0.0', [WEB]: '1.0.0' });
const NEW = generation(2, { [API]: '1.0.0', [AUTH]: '1.1.0' }, false);
const entry = (
  component: string,
  release: string | undefined,
  more: Partial<Quarantined> = {},
): Quarantined => ({
  ...{
    component: component as never,
    release: release ?? '',
    version: '1.0.0',
    since: AT,
    reason: 'red',
    record: 1,
  },
  ...more,
});
const releaseIn = ({ releases }: Generation, component: string) => releases.get(component as never)?.digest;

function ended(state: DeploymentState, failure: object | null = null) {
  const done: unknown[] = [];
  const warnings: unknown[] = [];
  const world = {
    generations: [OLD, NEW] as readonly Generation[],
    current: state === 'committed' ? 2 : 1,
    quarantine: [] as readonly Quarantined[],
    fails: new Set<string>(),
    stillThere: [] as readonly string[],
    damaged: [] as readonly number[],
    records: [] as readonly DeploymentRecord[],
    copies: null as readonly [kept: readonly number[], from: number] | null,
    retention: { generations: 2, bytes: Number.POSITIVE_INFINITY },
  };
  const note = createUnhurried(done, (name) => {
    if (world.fails.has(name)) throw new Error(name);
  });
  const entries: readonly JournalEntry[] = [
    {
      kind: 'entered',
      sequence: 1,
      at: AT,
      state,
      ...(failure === null ? {} : { failure: failure as never }),
    },
  ];
  const record = recordOf(2, [], { plan: recordOf(2, []).plan });
  const run = {
    record,
    ...{ target: NEW, previous: OLD as Generation | null },
    plan: { start: [API, AUTH], stop: [WEB, AUTH] },
    progress: () => progressOf(entries),
    current: () => recordWith(record, progressOf(entries)),
    options: {
      clock: createFakeClock(),
      ...{ retention: world.retention, onWarning: (error: unknown) => warnings.push(error) },
      secrets: { learn: () => undefined },
      driver: {
        status: async (key: string) => ({ kind: world.stillThere.includes(key) ? 'running' : 'absent' }),
        keepOnly: async (key: string, unit: { readonly workingDirectory: string } | null) =>
          note('keep only')(key, unit?.workingDirectory ?? null),
      },
      journal: { end: note('journal ends') },
      volumes: {
        keepOnly: async (kept: readonly number[], from: number) => {
          world.copies = [kept, from];
        },
      },
      trees: {
        directoryOf: (tree: string) => tree,
        collect: async (keep: ReadonlySet<string>) => note('collect')([...keep]),
      },
      store: {
        dataDirectoryOf: () => '/data',
        markHealthy: async (number: number, { state: as }: DeploymentRecord) => note('healthy')(number, as),
        writeRecord: async ({ id, state: as }: DeploymentRecord) => note('record')(id, as),
        async removeGeneration(number: number) {
          await note('remove')(number);
          world.damaged = world.damaged.filter((one) => one !== number);
          world.generations = world.generations.filter((one) => one.number !== number);
        },
        records: async () => world.records,
        generations: async () => world.generations,
        recordDamages: async () => [],
        damagedGenerations: async () => world.damaged,
        linkedTrees: async (number: number) => [`tree of ${number}`],
        currentNumber: async () => world.current,
        async changeQuarantine(change: (known: readonly Quarantined[]) => readonly Quarantined[]) {
          const changed = change(world.quarantine);
          await note('quarantine')(
            changed === world.quarantine ? 'as it was' : changed.map((one) => one.component),
          );
          world.quarantine = changed;
        },
      },
    },
  };
  const settled = async () => {
    await settle(run as never);
    return done.splice(0);
  };
  return { run, world, settled, warnings, done };
}
const tree = ({ releases }: Generation, component: string) =>
  releases.get(component as never)?.document.tree.digest ?? '';
const FAILURE = { code: 'deploy/unhealthy', message: 'HTTP 503', component: AUTH, fault: 'release' };

describe('a deployment that committed', () => {
  it('is healthy, out of quarantine, recorded and only then without a journal; then what nobody needs goes', async () => {
    const { settled } = ended('committed');

    expect(await settled()).toEqual([
      ['healthy', 2, 'committed'],
      ['quarantine', 'as it was'],
      ['record', 2, 'committed'],
      ['journal ends', 2],
      ['keep only', API, tree(NEW, API)],
      ['keep only', AUTH, tree(NEW, AUTH)],
      ['keep only', WEB, null],
      ['collect', [tree(OLD, AUTH), tree(OLD, WEB), tree(NEW, API), tree(NEW, AUTH)]],
    ]);
  });

  it('takes nothing from what still serves its last clients', async () => {
    const { world, settled } = ended('committed');
    world.stillThere = [WEB, AUTH];

    const kept = (await settled()).filter((each) => (each as readonly unknown[])[0] === 'keep only');

    expect(kept).toEqual([
      ['keep only', API, tree(NEW, API)],
      ['keep only', AUTH, tree(NEW, AUTH)],
    ]);
  });

  it('ends the time for which its own releases were held back, and nothing else', async () => {
    const { world, settled } = ended('committed');
    const kept = [
      entry(AUTH, releaseIn(NEW, AUTH)),
      entry(AUTH, 'another', { until: AT }),
      entry(API, releaseIn(NEW, AUTH), { until: AT }),
    ];
    world.quarantine = [entry(AUTH, releaseIn(NEW, AUTH), { until: AT }), ...kept];

    await settled();

    expect(world.quarantine).toEqual(kept);
  });

  it('removes generations past their count, and trees that no other uses', async () => {
    const { world, settled } = ended('committed');
    world.generations = [generation(0, { [WEB]: '0.9.0' }), OLD, { ...NEW, healthy: true }];

    expect((await settled()).slice(-2)).toEqual([
      ['remove', 0],
      ['collect', [tree(OLD, AUTH), tree(OLD, WEB), tree(NEW, API), tree(NEW, AUTH)]],
    ]);
  });

  it.each([
    ['past their count', [-1, 0], 2, [-1, 0]],
    ['as many as may be kept', [-1, 0], 3, [-1]],
    ['no more than others', [0], 3, [-1]],
    ['not what runs', [2], 2, [-1, 0]],
  ])('removes generations that cannot be read as others: %s', async (_, damaged, most, removed) => {
    const { world, settled } = ended('committed');
    const earlier = [-1, 0].map((number) => generation(number, { [WEB]: '0.9.0' }));
    const all = [...earlier, OLD, { ...NEW, healthy: true }];
    world.generations = all.filter(({ number }) => !damaged.includes(number));
    world.damaged = damaged;
    Object.assign(world.retention, { generations: most });

    const done = (await settled()) as (readonly [string, ...unknown[]])[];

    const gone = done.filter(([what]) => what === 'remove');
    expect(gone).toEqual(removed.map((number) => ['remove', number]));
    const [, kept] = done.find(([what]) => what === 'collect') ?? [];
    const linked = damaged.filter((number) => !removed.includes(number)).map((number) => `tree of ${number}`);
    expect((kept as readonly string[]).filter((one) => one.startsWith('tree of'))).toEqual(linked);
  });

  const made = (number: number, from: number | null, state: DeploymentState = 'committed') =>
    recordOf(number, [state], { previousGeneration: from });
  const ROLLBACK = { kind: 'rollback', generation: 1 } as const;
  const CHAIN = [made(-1, null), made(0, -1), made(1, 0), made(2, 1)];
  const FAILED = [made(-1, null), made(0, -1), made(1, 0, 'rolled-back'), made(2, 0)];
  // What made it is not known; a rollback to it that failed says nothing of that.
  const RETURNED = [
    made(-1, null),
    made(0, -1),
    { ...made(1, 0, 'rolled-back'), reason: ROLLBACK },
    made(2, 1),
  ];
  const NO_LIMIT = Number.POSITIVE_INFINITY;

  it.each([
    ['at the lowest count', [-1, 0], [1], CHAIN, { generations: 2, bytes: NO_LIMIT }, [-1], 1],
    ['with no room', [-1, 0], [1], CHAIN, { generations: 9, bytes: 0 }, [-1], 1],
    ['where nothing else is left', [], [1], CHAIN, { generations: 2, bytes: 0 }, [], 1],
    ['where no record tells of it', [-1, 0], [1], [], { generations: 2, bytes: 0 }, [-1], 1],
    ['to which a rollback failed', [-1, 0], [1], RETURNED, { generations: 2, bytes: 0 }, [-1], 1],
    ['not one before it', [-1, 1], [0], CHAIN, { generations: 2, bytes: 0 }, [-1, 0], NO_LIMIT],
    ['not one that failed', [-1, 0], [1], FAILED, { generations: 9, bytes: NO_LIMIT }, [1], NO_LIMIT],
  ])(
    'keeps a damaged origin of what runs, and the copies from there on: %s',
    async (_, readable, damaged, records, retention, removed, from) => {
      const { world, settled } = ended('committed');
      const earlier = readable.map((number) => generation(number, { [WEB]: '0.9.0' }));
      world.generations = [...earlier, { ...NEW, healthy: true }];
      Object.assign(world, { damaged, records });
      Object.assign(world.retention, retention);

      const gone = (await settled()).filter((each) => (each as readonly unknown[])[0] === 'remove');

      expect(gone).toEqual(removed.map((number) => ['remove', number]));
      expect(world.copies?.[1]).toBe(from);
    },
  );

  it('counts the bytes of every tree', async () => {
    const { world, settled } = ended('committed');
    const older = generation(0, { [WEB]: '0.9.0' });
    world.generations = [older, OLD, { ...NEW, healthy: true }];
    const bytes = 10 * 5;
    Object.assign(world.retention, { generations: 9, bytes });
    expect(await settled()).not.toContainEqual(['remove', 0]);

    const full = ended('committed');
    full.world.generations = world.generations;
    Object.assign(full.world.retention, { generations: 9, bytes: bytes - 1 });
    expect(await full.settled()).toContainEqual(['remove', 0]);
  });

  it.each(['keep only', 'collect'])('is settled though %s fails, with a warning', async (what) => {
    const { world, settled, warnings } = ended('committed');
    world.fails.add(what);

    const done = await settled();

    expect(warnings).toEqual([new Error(what)]);
    expect(done.at(-1)?.[0 as never]).toBe('collect');
  });

  it.each(['healthy', 'quarantine', 'record'])(
    'keeps its journal where %s fails: it is settled again',
    async (what) => {
      const { world, settled, done } = ended('committed');
      world.fails.add(what);

      await expect(settled()).rejects.toThrow(what);

      expect(done.map((each) => (each as readonly unknown[])[0])).not.toContain('journal ends');
    },
  );
});

describe('a deployment that did not', () => {
  it('leaves what runs alone, and its own release in quarantine', async () => {
    const { settled, world } = ended('rolled-back', FAILURE);
    world.quarantine = [entry(WEB, 'other')];

    expect(await settled()).toEqual([
      ['quarantine', [WEB, AUTH]],
      ['record', 2, 'rolled-back'],
      ['journal ends', 2],
      ['keep only', API, null],
      ['keep only', AUTH, tree(OLD, AUTH)],
      ['keep only', WEB, tree(OLD, WEB)],
    ]);
    expect(world.quarantine[1]).toEqual({
      ...entry(AUTH, releaseIn(NEW, AUTH), { version: '1.1.0', reason: 'HTTP 503', record: 2 }),
    });
  });

  it('takes the place of what was said of the same release before, and ends nobody’s time', async () => {
    const { settled, world } = ended('rolled-back', FAILURE);
    const kept = [entry(AUTH, 'another'), entry(API, releaseIn(NEW, API), { until: AT })];
    world.quarantine = [entry(AUTH, releaseIn(NEW, AUTH), { reason: 'earlier' }), ...kept];

    await settled();

    expect(world.quarantine.map(({ reason }) => reason)).toEqual(['red', 'red', 'HTTP 503']);
    expect(world.quarantine.slice(0, 2)).toEqual(kept);
  });

  it('on an empty instance leaves nothing prepared', async () => {
    const { run, settled } = ended('abandoned');
    run.previous = null;

    expect((await settled()).slice(-3)).toEqual([API, AUTH, WEB].map((key) => ['keep only', key, null]));
  });

  it('inconsistent, keeps everything: nobody knows what is needed', async () => {
    const { settled } = ended('inconsistent', { ...FAILURE, fault: 'environment' });

    expect((await settled()).map((each) => (each as readonly unknown[])[0])).toEqual([
      'quarantine',
      'record',
      'journal ends',
    ]);
  });
});
