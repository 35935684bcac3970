// A deployment under way: what its journal, its record and its listeners are told, how it lets go, and how its commands fail.
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  createRun,
  isDone,
  type Run,
  runCommands,
  wasIntended,
} from '../../../../agent/engine/deploy/run.ts';
import type { DeploymentState } from '../../../../shared/schema/deployment.ts';
import type { JournalEntry } from '../../../../shared/schema/journal.ts';
import { AUTH, deployableOf, planOf } from '../../../support/deploy-releases.ts';
import { besides } from '../../../support/deploy-scenarios.ts';
import { recordOf } from '../../../support/deployments.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { createFakeClock, settle } from '../../../support/fake-clock.ts';

const AT = '2026-03-01T10:00:00.000Z';
const STOP = { action: 'stop', component: AUTH } as const;

function underWay(...states: readonly DeploymentState[]) {
  const clock = createFakeClock();
  const done: unknown[] = [];
  const warnings: unknown[] = [];
  const world = { fails: new Set<string>(), arrives: Promise.resolve() as Promise<void> };
  const options = {
    clock,
    onWarning: (error: unknown) => void warnings.push(error),
    onRecord: ({ state }: { readonly state: string }) => void done.push(['told', state]),
    journal: {
      async append(entry: JournalEntry) {
        await world.arrives;
        // An effect takes its time: one that nobody waits for is missed.
        await later();
        if (world.fails.has(entry.kind)) throw new Error(entry.kind);
        done.push(['journal', entry]);
      },
    },
    store: {
      async writeRecord({ state }: { readonly state: string }) {
        await later();
        if (world.fails.has('record')) throw new Error('record');
        done.push(['record', state]);
      },
    },
    prober: { probe: async (command: unknown) => command },
  };
  const [previous, target] = ['1.0.0', '1.1.0'].map((version) => deployableOf({ [AUTH]: version }));
  const entries = states.map(
    (state, index): JournalEntry => ({ kind: 'entered', sequence: index + 1, at: AT, state }),
  );
  const facts = {
    record: recordOf(2, ['planned']),
    ...{ target, previous, plan: previous && target && planOf(previous, target) },
    ...{ stillAllowed: async () => true, acceptUnhealthy: false, acceptDrift: false },
  };
  const run: Run = createRun(options as never, facts as never, entries);
  const seen = () => done.splice(0);
  return { clock, run, seen, world, warnings };
}

describe('a state that is entered', () => {
  it('is journalled, recorded and told, in this order, with what the journal is to remember', async () => {
    const { run, seen, clock } = underWay('planned');
    await clock.advance(5);

    await run.enter('stopping', { red: [AUTH] });

    const at = '2026-03-01T10:00:00.005Z';
    expect(seen()).toEqual([
      ['journal', { kind: 'entered', sequence: 2, at, state: 'stopping', red: [AUTH] }],
      ['record', 'stopping'],
      ['told', 'stopping'],
    ]);
    expect(run.current()).toMatchObject({ id: 2, state: 'stopping', unhealthyBefore: [AUTH] });
    expect([run.progress().state, run.progress().entries]).toEqual(['stopping', 2]);
  });

  it('is entered though its record cannot be written, which is a warning', async () => {
    const { run, seen, world, warnings } = underWay('planned');
    world.fails.add('record');

    await run.enter('fetching');

    expect(seen().map((each) => (each as readonly unknown[])[0])).toEqual(['journal', 'told']);
    expect(warnings).toEqual([new Error('record')]);
  });

  it('is not entered where the journal cannot be written', async () => {
    const { run, seen, world } = underWay('planned');
    world.fails.add('entered');

    await expect(run.enter('fetching')).rejects.toThrow('entered');

    expect([seen(), run.progress().state]).toEqual([[], 'planned']);
  });

  it('is the last where it is an end: nothing is written behind it', async () => {
    const { run, seen } = underWay('planned', 'abandoned');

    expect((await rejectionOf(run.enter('fetching'))).code).toBe('deploy/gave-way');
    expect((await rejectionOf(run.step(STOP, async () => undefined))).code).toBe('deploy/gave-way');
    expect(seen()).toEqual([]);
  });
});

describe('a step', () => {
  it('is intended on disk, done, and done on disk', async () => {
    const { run, seen } = underWay('stopping');
    let between: unknown;

    await run.step(STOP, async () => {
      between = [isDone(run, STOP), wasIntended(run, STOP), seen()];
    });

    expect(between).toEqual([
      false,
      true,
      [['journal', { kind: 'intent', sequence: 2, at: AT, step: STOP }]],
    ]);
    expect(seen()).toEqual([['journal', { kind: 'done', sequence: 3, at: AT, step: STOP }]]);
    expect([isDone(run, STOP), wasIntended(run, STOP)]).toEqual([true, true]);
    expect(isDone(run, { ...STOP, action: 'start' })).toBe(false);
  });

  it('that fails is not done, and one that cannot be intended is not begun', async () => {
    const { run, seen, world } = underWay('stopping');
    await expect(run.step(STOP, () => Promise.reject(new Error('stuck')))).rejects.toThrow('stuck');
    expect([isDone(run, STOP), seen().length]).toEqual([false, 1]);

    world.fails.add('intent');
    let begun = false;
    const step = run.step(STOP, async () => {
      begun = true;
    });
    await expect(step).rejects.toThrow('intent');
    expect(begun).toBe(false);
  });
});

describe('a deployment that is taken up again', () => {
  it.each([
    [true, { lived: true }],
    [false, {}],
  ])('says whether its process had lived: %s', async (lived, more) => {
    const { run, seen } = underWay('soaking');

    await run.resumed(lived);

    expect(seen()).toStrictEqual([['journal', { kind: 'resumed', sequence: 2, at: AT, ...more }]]);
  });

  it('knows whose version before goes on serving', () => {
    expect([...underWay('planned').run.serving]).toEqual([]);
    const [previous, target] = ['1.0.0', '1.1.0'].map(besides);
    const facts = {
      record: recordOf(2, ['planned']),
      previous,
      target,
      plan: { stop: [AUTH], start: [AUTH] },
    };
    expect([...createRun({} as never, facts as never, []).serving]).toEqual([AUTH]);
  });
});

describe('an agent that goes', () => {
  it('says so in the journal once, and everybody who waits hears of it', async () => {
    const { run, seen } = underWay('soaking');

    await Promise.all([run.leave(), run.leave()]);

    expect(run.left.aborted).toBe(true);
    expect(seen()).toEqual([['journal', { kind: 'left', sequence: 2, at: AT }]]);
  });

  it.each<[DeploymentState, boolean]>([
    ['fetching', true],
    ['soaking', true],
    ['verifying', true],
    ['stopping', false],
    ['rolling-back', false],
  ])('leaves the journal of what is %s to the next one, or has it finished: %s', async (state, leaves) => {
    const { run, seen } = underWay(state);
    await run.leave();
    seen();

    const write = run.step(STOP, async () => undefined);

    if (leaves) expect((await rejectionOf(write)).code).toBe('deploy/agent-stops');
    else await write;
    expect(seen()).toHaveLength(leaves ? 0 : 2);
  });

  it('goes all the same where the journal cannot be written, and says nothing of what has ended', async () => {
    const { run, world, warnings } = underWay('soaking');
    world.fails.add('left');
    await run.leave();
    expect([run.left.aborted, warnings]).toEqual([true, [new Error('left')]]);

    const over = underWay('soaking', 'committed');
    await over.run.leave();
    expect([over.run.left.aborted, over.seen(), over.warnings]).toEqual([false, [], []]);
  });

  it('says so after what is being written already', async () => {
    const { run, seen, world } = underWay('verifying');
    const { promise, resolve } = Promise.withResolvers<void>();
    world.arrives = promise;
    const entering = run.enter('soaking');
    const leaving = run.leave();
    await settle();
    expect(run.left.aborted).toBe(false);
    resolve();
    await Promise.all([entering, leaving]);

    const entries = seen().flatMap((each) =>
      (each as readonly unknown[])[0] === 'journal' ? [(each as readonly JournalEntry[])[1]] : [],
    );
    expect(entries.map((one) => [one?.kind, one?.sequence])).toEqual([
      ['entered', 2],
      ['left', 3],
    ]);
  });
});

describe('giving way', () => {
  it.each<[DeploymentState, boolean]>([
    ['planned', true],
    ['fetching', true],
    ['staged', true],
    ['preflight', true],
    ['stopping', false],
    ['switching', false],
    ['starting', false],
    ['verifying', false],
    ['soaking', true],
    ['rolling-back', false],
  ])('is something for what is %s, or not: %s', (state, yields) => {
    const { run } = underWay(state);

    run.giveWay();

    expect(run.yielded.aborted).toBe(yields);
  });

  it('is nothing any more for what is on its way into a state where something stops', async () => {
    const { run, world } = underWay('preflight');
    world.arrives = new Promise(() => undefined);
    void run.enter('stopping');

    run.giveWay();

    expect(run.yielded.aborted).toBe(false);
  });
});

describe('the commands of a component', () => {
  const well = { healthy: true, detail: 'exit status 0' };
  const badly = { healthy: false, detail: 'exit status 1' };
  const running = (kind: 'preflight' | 'snapshot' | 'restore' | 'smoke', ...results: readonly object[]) =>
    runCommands(underWay('verifying').run, { component: AUTH, [kind]: results } as never, kind);

  it('run one after the other, to the first that fails', async () => {
    await running('smoke', well, well);
    const error = await rejectionOf(running('smoke', well, badly, { ...badly, detail: 'another' }));

    expect(dataOf(error, 'deploy/smoke-failed')).toEqual({ component: AUTH, detail: 'exit status 1' });
  });

  it.each(['preflight', 'snapshot', 'restore'] as const)('of kind %s fail as that hook', async (hook) => {
    const error = await rejectionOf(running(hook, badly));

    expect(dataOf(error, 'deploy/hook-failed')).toEqual({ component: AUTH, detail: 'exit status 1', hook });
  });

  it.each(['smoke', 'preflight'] as const)(
    'are nobody’s fault on a machine without room: %s',
    async (kind) => {
      const error = await rejectionOf(running(kind, { healthy: false, detail: 'EAGAIN', starved: true }));

      expect(dataOf(error, 'service/no-room')).toEqual({ component: AUTH, problem: 'EAGAIN' });
    },
  );
});
