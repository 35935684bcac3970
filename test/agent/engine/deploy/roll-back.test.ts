// Rolling back, act by act: the order, what is left out, that every part is tried, and when it is given up.
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { progressOf } from '../../../../agent/core/deploy/progress.ts';
import { rollBack } from '../../../../agent/engine/deploy/roll-back.ts';
import type { PlanStep } from '../../../../shared/schema/deployment.ts';
import type { JournalEntry, Step } from '../../../../shared/schema/journal.ts';
import { API, AUTH, deployableOf, type Extras, releaseOf, WEB } from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const AT = '2026-03-01T10:00:00.000Z';
const QUIET = { health: [], smoke: [], hooks: {} };
const RESTORES = { ...QUIET, hooks: { restore: [{ exec: ['restore'] }] } };

interface Told {
  /** Of core/auth 1.1.0, which is left. */
  readonly left?: Extras;
  readonly started?: readonly string[];
  readonly done?: readonly Step[];
  readonly first?: boolean;
}

/** core/auth goes back from 1.1.0, core/api away, core/web comes back. */
function goingBack({ left = {}, started = [AUTH, API], done = [], first = false }: Told = {}) {
  const clock = createFakeClock();
  const acts: string[] = [];
  /** What is done with the files of the way back, and after how many acts. */
  const way: (readonly [string, number])[] = [];
  const warnings: unknown[] = [];
  const running = new Map<string, string>([
    [AUTH, '1.1.0'],
    [API, '1.0.0'],
  ]);
  const world = { fails: new Set<string>(), attempts: 0 };
  // An effect takes its time: one that nobody waits for is missed.
  const act = async (name: string) => {
    await later();
    acts.push(name);
    if (world.fails.has(name)) throw new Error(name);
  };
  const old = deployableOf({
    [AUTH]: releaseOf(AUTH, '1.0.0', QUIET),
    [WEB]: releaseOf(WEB, '1.0.0', QUIET),
  });
  const target = deployableOf({
    [API]: releaseOf(API, '1.0.0', QUIET),
    [AUTH]: releaseOf(AUTH, '1.1.0', { ...QUIET, ...left }),
  });
  const versionOf = ({ workingDirectory }: { readonly workingDirectory: string }) =>
    workingDirectory.split('@')[1] ?? '';
  const names = new Map(
    [old, target].flatMap(({ releases }) =>
      [...releases].map(
        ([key, { document }]) => [document.tree.digest, `${key}@${document.version}`] as const,
      ),
    ),
  );
  const options = {
    clock,
    onWarning: (error: unknown) => void warnings.push(error),
    secrets: { learn: () => undefined },
    trees: {
      directoryOf: (tree: string) => names.get(tree as never) ?? '',
    },
    store: {
      dataDirectoryOf: () => '/data',
      setCurrent: async (number: number | null) => act(`current ${number}`),
      records: async () => [],
      writeEvidence: async () => undefined,
    },
    prober: {
      async probe({ exec }: { readonly exec: readonly string[] }) {
        await later();
        acts.push(exec.join(' '));
        return { healthy: !world.fails.has(exec.join(' ')), detail: 'exit status 1' };
      },
    },
    driver: {
      status: async (key: string) => (running.has(key) ? { kind: 'running', pid: 1 } : { kind: 'absent' }),
      logs: async () => '',
      runs: async (unit: { readonly component: string; readonly workingDirectory: string }) =>
        running.get(unit.component) === versionOf(unit),
      exited: (_: string, signal: AbortSignal) =>
        new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
      async stop(key: string) {
        await act(`stop ${key}`);
        running.delete(key);
        return 'stopped';
      },
      async start(unit: { readonly component: string; readonly workingDirectory: string }) {
        await act(`start ${unit.workingDirectory}`);
        running.set(unit.component, versionOf(unit));
      },
    },
  };
  const steps: readonly PlanStep[] = [
    { action: 'install', component: API, from: null, to: '1.0.0', bytes: 0, reversible: 'yes' },
    { action: 'update', component: AUTH, from: '1.0.0', to: '1.1.0', bytes: 0, reversible: 'yes' },
    { action: 'remove', component: WEB, from: '1.0.0', to: null, bytes: 0, reversible: 'yes' },
  ] as never;
  const entries: JournalEntry[] = [
    ...started.map(
      (component): JournalEntry => ({
        ...{ kind: 'intent', sequence: 1, at: AT, step: { action: 'start', component: component as never } },
      }),
    ),
    ...done.map((step): JournalEntry => ({ kind: 'done', sequence: 1, at: AT, step })),
  ];
  const run = {
    options,
    ...{ record: recordOf(2, ['starting']), serving: new Set() },
    wayBack: {
      readAhead: () => void way.push(['read', acts.length]),
      mend: async (component: string) => void way.push([component, acts.length]),
    },
    target: { ...target, number: 2, healthy: false },
    previous: first ? null : { ...old, number: 1, healthy: true },
    plan: { start: [AUTH, API], stop: [WEB, AUTH], steps, reason: { kind: 'channel' } },
    progress: () => progressOf(entries),
    async step(step: Step, work: () => Promise<void>) {
      await work();
      entries.push({ kind: 'done', sequence: 1, at: AT, step });
    },
  };
  const ended = async () => {
    const outcome = rollBack(run as never);
    await clock.advance(120_000);
    return await outcome;
  };
  return { run, acts, way, ended, world, warnings, running, clock };
}
const WAY = [
  ...['stop core/api', 'stop core/auth', 'current 1'],
  ...['start core/auth@1.0.0', 'start core/web@1.0.0'],
];

describe('a rollback', () => {
  it('stops what was started, the last first, returns the link, and starts what was stopped, the last first', async () => {
    const { acts, ended, running } = goingBack();

    expect(await ended()).toEqual({ event: 'restored' });

    expect(acts).toEqual(WAY);
    expect([...running]).toEqual([
      [AUTH, '1.0.0'],
      [WEB, '1.0.0'],
    ]);
  });

  it('reads what comes back while the rest is done, and looks at it right before it starts', async () => {
    const { way, ended } = goingBack();

    await ended();

    expect(way).toEqual([
      ['read', 0],
      [AUTH, 3],
      [WEB, 4],
    ]);
  });

  it('of a first deployment leaves nothing', async () => {
    const { acts, ended } = goingBack({ first: true });

    expect(await ended()).toEqual({ event: 'restored' });

    expect(acts).toEqual(['stop core/api', 'stop core/auth', 'current null']);
  });

  it('stops nothing that is the old version already', async () => {
    const { acts, ended, running } = goingBack();
    running.set(AUTH, '1.0.0');

    await ended();

    expect(acts).toEqual(WAY.filter((act) => act !== 'stop core/auth'));
  });

  it.each(['stop core/api', 'current 1', 'start core/auth@1.0.0', 'start core/web@1.0.0'])(
    'tries every other part where %s fails, three times in all, and then calls a person with the first failure',
    async (fault) => {
      const { acts, ended, world, clock } = goingBack();
      world.fails.add(fault);
      const before = clock.monotonic();

      expect(await ended()).toMatchObject({ event: 'exhausted', failure: { code: 'deploy/unexpected' } });

      expect(acts.slice(0, WAY.length)).toEqual(WAY);
      expect(acts.filter((act) => act === fault)).toHaveLength(3);
      expect(before).toBe(0);
    },
  );

  it('waits five seconds between two tries, and ends at the first that restores all', async () => {
    const { acts, run, world, clock } = goingBack();
    world.fails.add('start core/web@1.0.0');
    const outcome = rollBack(run as never);
    await clock.advance(4_999);
    expect(acts.filter((act) => act === 'start core/web@1.0.0')).toHaveLength(1);
    world.fails.clear();

    await clock.advance(10_000);

    expect(await outcome).toEqual({ event: 'restored' });
    expect(acts.filter((act) => act === 'start core/web@1.0.0')).toHaveLength(2);
  });
});

describe('the data of a version that is left', () => {
  const snapshot = { ...RESTORES, reversible: 'snapshot' };
  const restored = (told: Told) => {
    const made = goingBack(told);
    return made.ended().then((outcome) => ({ ...made, outcome }));
  };

  it('are restored by its own hook, once, before the old one starts', async () => {
    const { acts, outcome } = await restored({ left: snapshot });

    expect(outcome).toEqual({ event: 'restored' });
    expect(acts).toEqual([...WAY.slice(0, 3), 'restore', ...WAY.slice(3)]);
  });

  it.each<[string, Told]>([
    ['it was never started', { left: snapshot, started: [API] }],
    ['it needs no snapshot', { left: { ...RESTORES, reversible: 'yes' } }],
    ['they were restored already', { left: snapshot, done: [{ action: 'restore', component: AUTH }] }],
  ])('are left alone where %s', async (_what, told) => {
    const { acts, outcome } = await restored(told);

    expect([outcome, acts]).toEqual([{ event: 'restored' }, WAY]);
  });

  it('that could not be restored keep the old version from starting, and nothing else', async () => {
    const made = goingBack({ left: snapshot });
    made.world.fails.add('restore');

    const outcome = await made.ended();

    expect(outcome).toMatchObject({
      event: 'exhausted',
      failure: { code: 'deploy/hook-failed', component: AUTH },
    });
    expect(made.acts).not.toContain('start core/auth@1.0.0');
    expect(made.acts).toContain('start core/web@1.0.0');
  });

  it('call for a person, with nothing touched, where it may not be left and was started', async () => {
    const { acts, outcome } = await restored({ left: { reversible: 'no' } });

    expect(outcome).toMatchObject({
      ...{
        event: 'exhausted',
        failure: { code: 'deploy/irreversible', component: AUTH, fault: 'environment' },
      },
    });
    expect(acts).toEqual([]);
    expect((outcome.failure as { readonly message: string }).message).toContain('1.1.0');
  });

  it('do not, where it was not', async () => {
    const { acts, outcome } = await restored({ left: { reversible: 'no' }, started: [API] });

    expect([outcome, acts]).toEqual([{ event: 'restored' }, WAY]);
  });
});
