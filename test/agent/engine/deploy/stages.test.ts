// The stages that move files and services, and those that judge them: what each does, leaves out, and in which order.
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { progressOf } from '../../../../agent/core/deploy/progress.ts';
import {
  fetchTrees,
  startService,
  startUnchanged,
  stopChanged,
  stopService,
  switchGeneration,
} from '../../../../agent/engine/deploy/stages.ts';
import { startInOrder } from '../../../../agent/engine/deploy/starting.ts';
import { soak, verifyPrevious, verifyTarget } from '../../../../agent/engine/deploy/verify.ts';
import type { FetchedTree } from '../../../../agent/ports/state.ts';
import type { JournalEntry, Step } from '../../../../shared/schema/journal.ts';
import { API, AUTH, deployableOf, type Extras, releaseOf, WEB } from '../../../support/deploy-releases.ts';
import { besides } from '../../../support/deploy-scenarios.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const QUIET = { health: [], smoke: [], hooks: {} };
const AT = '2026-03-01T10:00:00.000Z';
const probed = (name: string): Extras => ({
  ...QUIET,
  health: [{ http: `http://${name}/`, startPeriod: 'PT0S', interval: 'PT1S', successes: 2, failures: 2 }],
  smoke: [{ exec: ['smoke', name] }],
});

interface Told {
  readonly red?: readonly string[];
  readonly serving?: readonly string[];
  readonly stored?: readonly string[];
  readonly kind?: string;
  readonly soakMs?: number;
  readonly previous?: ReturnType<typeof deployableOf>;
  readonly target?: ReturnType<typeof deployableOf>;
  readonly fetched?: FetchedTree | undefined;
}

/** core/auth moves from 1.0.0 to 1.1.0; core/web stays, core/api comes. */
function moving({
  red = [],
  serving = [],
  stored = [],
  kind = 'channel',
  soakMs = 60_000,
  ...told
}: Told = {}) {
  const clock = createFakeClock();
  const acts: string[] = [];
  const journalled: unknown[] = [];
  const entries: JournalEntry[] = [
    { kind: 'entered', sequence: 1, at: AT, state: 'stopping', red: [...red] as never },
  ];
  const world = {
    outcome: 'stopped',
    sick: new Set<string>(),
    doubts: 0,
    signal: null as AbortSignal | undefined | null,
    current: 0,
  };
  const act = async (name: string) => {
    await later();
    acts.push(name);
  };
  const previous =
    told.previous ??
    deployableOf({
      [AUTH]: releaseOf(AUTH, '1.0.0', probed('auth')),
      [WEB]: releaseOf(WEB, '1.0.0', probed('web')),
    });
  const target =
    told.target ??
    deployableOf({
      [API]: releaseOf(API, '1.0.0', probed('api')),
      [AUTH]: releaseOf(AUTH, '1.1.0', probed('auth')),
      [WEB]: releaseOf(WEB, '1.0.0', probed('web')),
    });
  const names = new Map(
    [previous, target].flatMap(({ releases }) =>
      [...releases].map(
        ([key, { document }]) => [document.tree.digest, `${key}@${document.version}`] as const,
      ),
    ),
  );
  const yielded = new AbortController();
  const options = {
    clock,
    soakMs: async () => soakMs,
    onWarning: () => undefined,
    secrets: { learn: () => undefined },
    trees: {
      has: async (tree: string) => stored.includes(names.get(tree as never) ?? ''),
      directoryOf: (tree: string) => names.get(tree as never) ?? '',
      async add(tree: { readonly digest: string }, signal?: AbortSignal) {
        world.signal = signal;
        await act(`fetch ${names.get(tree.digest as never)}`);
        return told.fetched;
      },
    },
    store: {
      dataDirectoryOf: () => '/data',
      generations: async () => [],
      records: async () => [],
      setCurrent: async (number: number) => act(`current ${number}`),
    },
    prober: {
      async probe({ exec, url }: { readonly exec?: readonly string[]; readonly url?: string }) {
        const name = exec?.join(' ') ?? new URL(url ?? '').hostname;
        await act(exec === undefined ? `ask ${name}` : name);
        return { healthy: !world.sick.has(name), detail: 'HTTP 503' };
      },
    },
    driver: {
      status: async () => ({ kind: 'running', pid: 1 }),
      runs: async () => false,
      exited: (_: string, signal: AbortSignal) =>
        new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
      start: async ({ component }: { readonly component: string }) => act(`start ${component}`),
      async stop(key: string, timeoutMs: number) {
        await act(`stop ${key} ${timeoutMs}`);
        return world.outcome;
      },
    },
    traffic: {
      slotOf: async () => null,
      connectionsTo: async () => 0,
      direct: async ({ component }: { readonly component: string }) => act(`direct ${component}`),
      close: async (key: string) => act(`close ${key}`),
    },
  };
  const run = {
    options,
    ...{ target: { ...target, number: 2 }, previous: { ...previous, number: 1 } as object | null },
    ...{ serving: new Set(serving), yielded: yielded.signal, left: new AbortController().signal },
    wayBack: { readAhead: () => void world.doubts++ },
    plan: { start: [AUTH, API], stop: [AUTH], steps: [], reason: { kind } },
    progress: () => progressOf(entries),
    async step({ action, component }: Step, work: () => Promise<unknown>) {
      acts.push(`> ${action} ${component ?? ''}`.trimEnd());
      journalled.push(await work());
      acts.push(`< ${action} ${component ?? ''}`.trimEnd());
    },
  };
  return { clock, run: run as never, facts: run, acts, world, yielded, journalled };
}
const step = (name: string, ...acts: readonly string[]) => [`> ${name}`, ...acts, `< ${name}`];

describe('fetching', () => {
  it('brings every tree that is not there, and whoever is asked to give way waits no longer', async () => {
    const { run, acts, world, yielded } = moving({ stored: ['core/web@1.0.0'] });

    expect(await fetchTrees(run)).toEqual({ event: 'fetched' });

    expect(acts).toEqual([
      ...step('fetch core/api', 'fetch core/api@1.0.0'),
      ...step('fetch core/auth', 'fetch core/auth@1.1.0'),
    ]);
    expect(world.signal).toBe(yielded.signal);
  });
});

describe('what was fetched', () => {
  it.each<[string, FetchedTree | undefined, object]>([
    ['by a patch', { way: 'patch', bytes: 9 }, { fetched: { way: 'patch', bytes: 9 } }],
    [
      'whole, and why',
      { way: 'pack', bytes: 90, instead: new Error('a line\u001b[2J\nand more') },
      { fetched: { way: 'pack', bytes: 90, instead: 'a line\ufffd[2J and more' } },
    ],
    [
      'whole, and why, after an address that takes more than a line',
      {
        ...{ way: 'pack', bytes: 90 },
        instead: new Error(
          `https://r.example/packs/${'a1'.repeat(32)}/${'b2'.repeat(32)}.patch answered 403: no`,
        ),
      },
      {
        fetched: {
          ...{ way: 'pack', bytes: 90 },
          instead: 'https://r.example/packs/a1a1a1a1a1a1…/b2b2b2b2b2b2….patch answered 403: no',
        },
      },
    ],
    ['not at all', undefined, {}],
  ])('stands in the journal: %s', async (_what, fetched, expected) => {
    const { run, journalled } = moving({ stored: ['core/web@1.0.0', 'core/api@1.0.0'], fetched });

    await fetchTrees(run);

    expect(journalled).toEqual([expected]);
  });
});

describe('stopping', () => {
  it('stops what the plan stops, as long as it may take, but for what goes on serving', async () => {
    const stopping = moving();
    expect(await stopChanged(stopping.run)).toEqual({ event: 'stopped' });
    expect(stopping.acts).toEqual(step('stop core/auth', 'stop core/auth 5000'));

    const serving = moving({ serving: [AUTH] });
    expect(await stopChanged(serving.run)).toEqual({ event: 'stopped' });
    expect(serving.acts).toEqual([]);
  });

  it('of what stands side by side stops both, and closes its door', async () => {
    const { run, acts } = moving({ previous: besides('1.0.0') });

    await stopChanged(run);

    expect(acts).toEqual(
      step('stop core/auth', 'stop core/auth 30000', 'stop core/auth.green 30000', 'close core/auth'),
    );
  });

  it('of what nobody knows any more gives it half a minute, and what is stuck is named', async () => {
    const { run, acts, world } = moving();
    await stopService(run, 'core/mail' as never, null);
    expect(acts).toEqual(['stop core/mail 30000']);

    world.outcome = 'stuck';
    const error = await rejectionOf(stopService(run, AUTH, null));
    expect(dataOf(error, 'service/stuck')).toEqual({ component: AUTH });
  });

  it('takes one that had to be killed for stopped', async () => {
    const { run, world } = moving();
    world.outcome = 'killed';

    expect(await stopChanged(run)).toEqual({ event: 'stopped' });
  });
});

describe('switching and starting', () => {
  it('turns the link to the target', async () => {
    const { run, acts } = moving();

    expect(await switchGeneration(run)).toEqual({ event: 'switched' });

    expect(acts).toEqual(step('switch', 'current 2'));
  });

  it('starts what should run beside it first, then what is new, in the plan’s order', async () => {
    const { run, acts } = moving();

    expect(await startInOrder(run)).toEqual({ event: 'started' });

    expect(acts).toEqual([
      'start core/web',
      ...step('start core/auth', 'start core/auth'),
      ...step('start core/api', 'start core/api'),
    ]);
  });

  it('leaves what was red before alone, and what the generation does not have', async () => {
    const { run, facts, acts } = moving({ red: [WEB] });
    await startUnchanged(run, facts.target as never);
    await startUnchanged(run, null);
    await startService(run, 'core/mail' as never, facts.target as never);

    expect(acts).toEqual([]);
  });

  it('needs no record of what was before where nothing was', async () => {
    const { run, facts, acts } = moving();
    facts.previous = null;

    await startService(run, AUTH, facts.target as never);

    expect(acts).toEqual(['start core/auth']);
  });
});

describe('judging', () => {
  const judged = (acts: readonly string[]) => new Set(acts.filter((one) => one.startsWith('ask ')));

  it('asks all that should run until it is healthy, and tests what is new, before anything is directed to it', async () => {
    const { run, acts, clock } = moving();
    const verified = verifyTarget(run);
    await clock.advance(10_000);

    expect(await verified).toEqual({ event: 'passed' });
    expect(judged(acts)).toEqual(new Set(['ask api', 'ask auth', 'ask web']));
    expect(acts.filter((one) => one.startsWith('smoke'))).toEqual(['smoke api', 'smoke auth']);
    expect(acts.findIndex((one) => one.startsWith('smoke'))).toBeGreaterThan(acts.lastIndexOf('ask web'));
  });

  it('directs what passed to it, in the journal', async () => {
    const { run, acts, clock } = moving({ target: besides('1.1.0'), previous: besides('1.0.0') });
    const verified = verifyTarget(run);
    await clock.advance(10_000);
    await verified;

    expect(acts.slice(-3)).toEqual(step('direct core/auth', 'direct core/auth'));
  });

  it.each<[string, Told, readonly string[]]>([
    ['excuses what was red before', { red: [WEB] }, ['ask api', 'ask auth']],
    [
      'excuses of a rollback only what it does not mend',
      { red: [WEB, AUTH], kind: 'rollback' },
      ['ask api', 'ask auth'],
    ],
    ['excuses what was red of any other', { red: [WEB, AUTH], kind: 'forced' }, ['ask api']],
  ])('%s', async (_what, told, asked) => {
    const { run, acts, clock } = moving(told);
    const verified = verifyTarget(run);
    await clock.advance(10_000);
    await verified;

    expect(judged(acts)).toEqual(new Set(asked));
  });

  it('of what is gone back to asks all that was healthy before', async () => {
    const { run, acts, clock } = moving({ red: [WEB] });
    const verified = verifyPrevious(run);
    await clock.advance(10_000);
    await verified;

    expect(judged(acts)).toEqual(new Set(['ask auth']));
    const sick = moving();
    sick.world.sick.add('auth');
    const refused = rejectionOf(verifyPrevious(sick.run));
    await sick.clock.advance(60_000);
    expect((await refused).code).toBe('deploy/unhealthy');
  });

  it.each([
    [60_000, null, 60_000],
    [300_000, 1_000, 300_000],
    [900_000, null, 900_000],
    [900_000, 1_000, 300_000],
    [900_000, 400_000, 400_000],
  ])('soaks for %i ms, asked to give way after %j: for %i', async (soakMs, asksAfter, took) => {
    const { run, clock, yielded } = moving({ soakMs });
    const ended: number[] = [];
    const soaking = soak(run).then((outcome) => {
      ended.push(clock.monotonic());
      return outcome;
    });
    if (asksAfter !== null) {
      await clock.advance(asksAfter);
      yielded.abort();
    }
    await clock.advance(1_000_000);

    expect(await soaking).toEqual({ event: 'soaked' });
    expect(ended).toEqual([took]);
  });

  it('that finds something sick while it soaks ends at once', async () => {
    const { run, clock, world } = moving();
    const refused = rejectionOf(soak(run));
    await clock.advance(10_000);
    world.sick.add('web');
    await clock.advance(3_000);

    expect(dataOf(await refused, 'deploy/unhealthy')).toEqual({ component: WEB, detail: 'HTTP 503' });
    expect(world.doubts).toBeGreaterThan(0);
  });
});
