// Beginning a deployment: what its record, its generation and its journal say from the start, and why one does not begin.
import { describe, expect, it } from 'vitest';
import {
  beginDeployment,
  beginRollback,
  beginUndoing,
  currentGeneration,
} from '../../../../agent/engine/deploy/begin.ts';
import type { Quarantined } from '../../../../agent/ports/deploy.ts';
import type { StoredGeneration } from '../../../../agent/ports/state.ts';
import { planDigest } from '../../../../shared/compile/plan.ts';
import { shortDigest } from '../../../../shared/encoding/digest.ts';
import type { DeploymentRecord, PlanReason } from '../../../../shared/schema/deployment.ts';
import {
  API,
  AUTH,
  type Deployable,
  deployableOf,
  digestOfDeployable,
  planOf,
  releaseOf,
  WEB,
} from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { createUnhurried } from '../../../support/unhurried.ts';

const AT = '2026-03-01T10:00:00.000Z';
const OLD = deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' });
const NEW = deployableOf({ [AUTH]: '1.1.0', [API]: '1.0.0' });
const BOTH_CHANGED = { kind: 'channel' } as const;

function disk(history: readonly Deployable[], current: number | null = history.length || null) {
  const done: unknown[] = [];
  const generations = history.map(
    (one, index): StoredGeneration => ({
      ...{ ...one, number: index + 1, healthy: true, committedBy: index + 1 },
      plan: planOf(history[index - 1] ?? null, one),
    }),
  );
  const world = {
    records: [] as DeploymentRecord[],
    quarantine: [] as Quarantined[],
    newest: { generation: generations.length, record: 0 },
  };
  const note = createUnhurried(done);
  const options = {
    clock: createFakeClock(),
    soakMs: async () => 0,
    onWarning: () => undefined,
    onRecord: (record: unknown) => done.push(['told', record]),
    journal: { begin: note('journal'), append: note('entry') },
    store: {
      generations: async () => generations,
      currentNumber: async () => current,
      quarantine: async () => world.quarantine,
      records: async () => world.records,
      newestGeneration: async () => world.newest.generation,
      newestRecordId: async () => world.newest.record,
      addGeneration: note('generation'),
      writeRecord: note('record'),
    },
  } as never;
  return { options, done, world, generations };
}
const asked = (to: Deployable, from: Deployable | null, more: object = {}) => ({
  ...{ ...to, plan: planOf(from, to), actor: 'agent', stillAllowed: async () => true, ...more },
});

describe('a deployment', () => {
  it('has its generation, its record and its journal on disk in this order, before its first state', async () => {
    const { options, done, world } = disk([OLD]);
    world.newest.record = 6;
    const request = asked(NEW, OLD);

    const run = await beginDeployment(options, request);

    const record = {
      ...{ schema: 'fairlead/record@1', id: 7, generation: 2, previousGeneration: 1 },
      ...{ reason: BOTH_CHANGED, plan: planDigest(request.plan) },
      ...{ from: digestOfDeployable(OLD), to: digestOfDeployable(NEW) },
      steps: [
        { component: API, from: null, to: '1.0.0', change: 'CHG-42' },
        { component: AUTH, from: '1.0.0', to: '1.1.0', change: 'CHG-42' },
        { component: WEB, from: '1.0.0', to: null, change: null },
      ],
      ...{ state: 'planned', stages: [{ state: 'planned', at: AT }], failure: null, actor: 'agent' },
    };
    const { manifest, config, releases, plan } = request;
    expect(done).toStrictEqual([
      ['generation', { number: 2, manifest, config, releases, plan, healthy: false, committedBy: null }],
      ['record', record],
      ['journal', 7, 240],
      ['entry', { kind: 'entered', sequence: 1, at: AT, state: 'planned' }],
      ['record', record],
      ['told', record],
    ]);
    expect([run.acceptUnhealthy, run.acceptDrift, await run.stillAllowed(0)]).toEqual([false, false, true]);
  });

  it('keeps the reason that a person gave, and what they accepted', async () => {
    const { options, done } = disk([OLD]);
    const more = {
      note: 'ticket 7',
      acceptUnhealthy: true,
      acceptDrift: true,
      stillAllowed: async () => false,
    };

    const run = await beginDeployment(options, asked(NEW, OLD, more));

    expect(done[1]).toMatchObject(['record', { note: 'ticket 7' }]);
    expect([run.acceptUnhealthy, run.acceptDrift, await run.stillAllowed(0)]).toEqual([true, true, false]);
  });

  it('of an empty instance comes from nowhere', async () => {
    const { options, done } = disk([]);

    await beginDeployment(options, asked(NEW, null));

    expect(done[1]).toMatchObject(['record', { id: 1, generation: 1, previousGeneration: null, from: null }]);
  });

  it.each([
    [5, 3, 6],
    [2, 9, 10],
  ])(
    'takes no number twice: after generation %i on disk and %i in a record it is %i',
    async (generation, inRecord, number) => {
      const { options, done, world } = disk([OLD]);
      world.newest.generation = generation;
      world.records = [recordOf(inRecord, ['abandoned']), recordOf(1, ['committed'])];

      await beginDeployment(options, asked(NEW, OLD));

      expect(done[0]).toMatchObject(['generation', { number }]);
    },
  );

  it.each<[string, Deployable | null, readonly Deployable[], () => readonly [string, string]]>([
    [
      'from another',
      NEW,
      [OLD],
      () => [shortDigest(digestOfDeployable(NEW) as never), shortDigest(digestOfDeployable(OLD) as never)],
    ],
    ['from nothing', null, [OLD], () => ['an empty instance', shortDigest(digestOfDeployable(OLD) as never)]],
    [
      'where nothing runs',
      NEW,
      [],
      () => [shortDigest(digestOfDeployable(NEW) as never), 'an empty instance'],
    ],
  ])('does not begin by a plan that was made %s', async (_what, from, history, words) => {
    const { options, done } = disk(history);
    const other = deployableOf({ [AUTH]: '1.2.0' });

    const error = await rejectionOf(beginDeployment(options, asked(other, from)));

    const [planned, running] = words();
    expect(dataOf(error, 'deploy/outdated')).toEqual({ planned, running });
    expect(done).toEqual([]);
  });

  it('does not begin where its very target is in quarantine, and does where another is', async () => {
    const { options, done, world } = disk([OLD]);
    const entry = { component: AUTH, version: 'settings', since: AT, reason: 'red', record: 4 };
    const target = digestOfDeployable(NEW);
    world.quarantine = [
      { ...entry, release: 'another', record: 3 },
      { ...entry, release: target },
    ];

    const error = await rejectionOf(beginDeployment(options, asked(NEW, OLD)));

    expect(dataOf(error, 'deploy/quarantined')).toEqual({ target: shortDigest(target as never), record: 4 });
    expect(done).toEqual([]);
    world.quarantine.pop();
    expect((await beginDeployment(options, asked(NEW, OLD))).record.id).toBe(1);
  });

  it.each([
    ['forced', true],
    ['manual', false],
  ])('of kind %s names the settings it takes over, or not', async (kind, names) => {
    const settings = { settings: { token: { type: 'string' }, tone: { type: 'string' } } };
    const before = deployableOf({
      [AUTH]: releaseOf(AUTH, '1.0.0', settings),
      [WEB]: releaseOf(WEB, '1.0.0', settings),
    });
    const after = deployableOf(
      { [AUTH]: releaseOf(AUTH, '1.0.1', settings), [WEB]: releaseOf(WEB, '1.0.0', settings) },
      { [AUTH]: { token: 'x' }, [WEB]: { tone: 'y' } },
    );
    const reason = kind === 'forced' ? { kind, advisories: ['FL-1'] } : { kind };
    const { options, done } = disk([before]);
    const plan = {
      ...planOf(before, after),
      reason,
      steps: planOf(before, after).steps.filter(({ component }) => component === AUTH),
    };

    await beginDeployment(options, { ...asked(after, before), plan: plan as never });

    const [, record] = done[1] as [string, DeploymentRecord];
    expect(record.adopted).toEqual(names ? [{ component: AUTH, key: 'token' }] : undefined);
    expect('adopted' in record).toBe(names);
  });

  it('that is forced onto an empty instance, or takes nothing over, names no settings', async () => {
    const reason: PlanReason = { kind: 'forced', advisories: ['FL-1'] };
    const first = disk([]);
    await beginDeployment(first.options, asked(NEW, null, { plan: planOf(null, NEW, reason) }));
    const next = disk([OLD]);
    await beginDeployment(next.options, asked(NEW, OLD, { plan: planOf(OLD, NEW, reason) }));

    for (const { done } of [first, next])
      expect((done[1] as [string, object])[1]).not.toHaveProperty('adopted');
  });
});

describe('what runs', () => {
  it('is the generation that is named, nothing where none is, and not known where that one is lost', async () => {
    const { options, generations } = disk([OLD, NEW], 1);

    expect(await currentGeneration(options, generations)).toBe(generations[0]);
    expect(await currentGeneration(disk([OLD], null).options, generations)).toBeNull();
    const error = await rejectionOf(currentGeneration(options, generations.slice(1)));
    expect(dataOf(error, 'deploy/generation-damaged')).toEqual({ generation: 1 });
  });
});

describe('a rollback', () => {
  it('has a record of where it leads, and adds no generation', async () => {
    const { options, done } = disk([OLD, NEW]);

    const run = await beginRollback(options, { reason: 'slow', actor: 'ada' });

    expect(done.map((each) => (each as readonly unknown[])[0])).toEqual([
      'record',
      'journal',
      'entry',
      'record',
      'told',
    ]);
    expect(run.record).toMatchObject({
      ...{ id: 1, generation: 1, previousGeneration: 2, actor: 'ada', note: 'slow' },
      ...{
        reason: { kind: 'rollback', generation: 1 },
        from: digestOfDeployable(NEW),
        to: digestOfDeployable(OLD),
      },
    });
    expect([run.target.number, run.previous?.number, run.acceptUnhealthy]).toEqual([1, 2, true]);
    expect(await run.stillAllowed(0)).toBe(true);
    expect(done[2]).toEqual(['entry', { kind: 'entered', sequence: 1, at: AT, state: 'planned' }]);
  });

  it('does not begin over a version that may not be left, nor where nothing runs', async () => {
    const oneWay = deployableOf({ [AUTH]: releaseOf(AUTH, '1.1.0', { reversible: 'no' }) });
    const { options, done } = disk([deployableOf({ [AUTH]: '1.0.0' }), oneWay]);
    expect((await rejectionOf(beginRollback(options, { reason: 'slow', actor: 'ada' }))).code).toBe(
      'rollback/not-reversible',
    );
    expect(done).toEqual([]);

    const empty = disk([OLD], null);
    expect((await rejectionOf(beginRollback(empty.options, { reason: 'slow', actor: 'ada' }))).code).toBe(
      'rollback/no-target',
    );
  });

  it('of what degraded says so, names the culprit, and goes back to where the deployment came from', async () => {
    const third = deployableOf({ [AUTH]: '1.2.0' });
    const { options, done } = disk([OLD, NEW, third]);
    const record = recordOf(9, ['committed'], { generation: 3, previousGeneration: 1 });
    const because = { component: AUTH, since: AT, detail: `HTTP 503\n${'x'.repeat(400)}` };

    const run = await beginUndoing(options, { record, because });

    expect(run.record).toMatchObject({ generation: 1, actor: 'agent' });
    expect(run.record.note).toMatch(
      /^core.auth degraded after change 9, at 2026-03-01T10:00:00.000Z: HTTP 503 x+…$/,
    );
    expect(run.record.note).toHaveLength(300);
    expect(done[2]).toMatchObject(['entry', { state: 'planned', degraded: [AUTH] }]);
  });
});
