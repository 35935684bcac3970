// What the agent does beside its rounds: fetching, deploying and reporting, each once at a time, and none of them able to stop it.

import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { EMPTY_OUTBOX, type Outbox } from '../../../../agent/core/outbox.ts';
import { createFetchAhead } from '../../../../agent/engine/agent/fetch-ahead.ts';
import { createOwnDeployments } from '../../../../agent/engine/agent/own-deployments.ts';
import { createReporter } from '../../../../agent/engine/agent/reporter.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { Report } from '../../../../shared/protocol/report.ts';
import type { DeploymentRecord, DeploymentState } from '../../../../shared/schema/deployment.ts';
import { releaseOf } from '../../../support/agent-network.ts';
import { PLANNED } from '../../../support/answers.ts';
import { recordOf } from '../../../support/deployments.ts';
import { settle } from '../../../support/fake-clock.ts';
import { NO_WITNESS } from '../../../support/receipts.ts';

const GONE = new FairleadError('transport/unreachable', { url: 'https://vendor.example', problem: 'gone' });

function createLog() {
  const said: object[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void said.push({ level, message, ...('code' in fields ? { code: fields.code } : {}) });
  return { said, log: { info: note('info'), warn: note('warn'), error: note('error') } };
}

describe('fetching ahead', () => {
  const releases = ['1.0.0', '1.1.0', '1.2.0'].map((version) => releaseOf(version));
  const digests = releases.map(({ document }) => document.tree.digest);

  function fetching(there: readonly string[] = []) {
    const { said, log } = createLog();
    const asked: string[] = [];
    const store = { fails: null as unknown, arrives: Promise.resolve() as Promise<void> };
    let news = 0;
    const { begin } = createFetchAhead({
      log,
      onFetched: () => {
        news += 1;
      },
      trees: {
        has: async (tree: string) => there.includes(tree),
        add: async ({ digest }: { readonly digest: string }) => {
          asked.push(digest);
          await store.arrives;
          if (store.fails !== null) throw store.fails;
        },
      } as never,
    });
    return { begin, asked, said, store, news: () => news };
  }

  it('brings every tree that is not there, one after the other', async () => {
    const { begin, asked, said } = fetching([digests[1] ?? '']);

    begin(releases);
    await settle();

    expect(asked).toEqual([digests[0], digests[2]]);
    expect(said).toEqual([]);
  });

  it('begins nothing beside what is on its way, and begins anew once it has come', async () => {
    const { begin, asked, store } = fetching();
    const { promise, resolve } = Promise.withResolvers<void>();
    store.arrives = promise;
    begin(releases.slice(0, 1));
    begin(releases.slice(1, 2));
    await settle();
    expect(asked).toEqual([digests[0]]);

    resolve();
    await settle();
    begin(releases.slice(2));
    await settle();

    expect(asked).toEqual([digests[0], digests[2]]);
  });

  it.each([
    [GONE, 'transport/unreachable'],
    [new TypeError('a bug'), 'internal'],
  ])('stops at %s, says so, and may begin again', async (error, code) => {
    const { begin, asked, said, store } = fetching();
    store.fails = error;
    begin(releases);
    await settle();
    expect(asked).toEqual([digests[0]]);
    expect(said).toEqual([{ level: 'warn', message: 'a tree could not be fetched ahead', code }]);

    store.fails = null;
    begin(releases);
    await settle();

    expect(asked).toEqual([digests[0], ...digests]);
  });
});

describe('a deployment of the agent’s own', () => {
  const offer = { target: {} as never, plan: PLANNED, forecast: {} as never };
  const other = { ...offer, plan: { ...PLANNED, reversible: 'no' as const } };

  function deploying() {
    const { said, log } = createLog();
    const begun: unknown[] = [];
    const work = { ends: Promise.resolve(recordOf(1, ['committed'])) };
    let committed = 0;
    const { begin } = createOwnDeployments({
      log,
      onCommitted: () => {
        committed += 1;
      },
      deploy: (one) => {
        begun.push(one.plan);
        return work.ends;
      },
    });
    return { begin, begun, said, work, committed: () => committed };
  }

  it('is begun once for a plan while it is under way, and once more when it has ended', async () => {
    const { begin, begun, work } = deploying();
    const { promise, resolve } = Promise.withResolvers<DeploymentRecord>();
    work.ends = promise;
    begin(offer);
    begin(offer);
    begin(other);
    expect(begun).toEqual([offer.plan, other.plan]);

    resolve(recordOf(1, ['committed']));
    await settle();
    begin(offer);

    expect(begun).toEqual([offer.plan, other.plan, offer.plan]);
  });

  it.each<[DeploymentState, number]>([
    ['committed', 1],
    ['rolled-back', 0],
    ['abandoned', 0],
    ['inconsistent', 0],
  ])('that ends %s opens the way for %i more', async (state, times) => {
    const { begin, work, committed } = deploying();
    work.ends = Promise.resolve(recordOf(1, [state]));

    begin(offer);
    await settle();

    expect(committed()).toBe(times);
  });

  it.each([
    [new FairleadError('deploy/busy', { deployment: 1 }), 'deploy/busy'],
    [new TypeError('a bug'), 'internal'],
  ])('that does not start is said and no fault of the round: %s', async (error, code) => {
    const { begin, begun, said, work, committed } = deploying();
    work.ends = Promise.reject(error);

    begin(offer);
    await settle();
    expect(said).toEqual([{ level: 'warn', message: 'a deployment did not start', code }]);
    expect(committed()).toBe(0);

    begin(offer);
    await settle();
    expect(begun).toHaveLength(2);
  });
});

describe('a reporter', () => {
  const record = (id: number, ...states: readonly DeploymentState[]) => recordOf(id, states);

  function reporting() {
    const { said, log } = createLog();
    const sent: Report[] = [];
    const world = {
      outbox: null as Outbox | null,
      written: [] as Outbox[],
      records: [] as readonly DeploymentRecord[],
      /** What the server says that it holds; the report's own number where null. */
      held: [] as (number | null)[],
      fails: null as unknown,
      /** Called in the middle of a report. */
      meanwhile: (): void => undefined,
      arrives: Promise.resolve() as Promise<void>,
    };
    const reporter = createReporter({
      log,
      records: async () => world.records,
      observe: async () => ({ manifest: null, decision: null }) as never,
      outbox: {
        read: async () => world.outbox,
        // An effect takes its time: one that nobody waits for is missed.
        async write(state: Outbox) {
          await later();
          world.outbox = state;
          world.written.push(state);
        },
        damage: async () => null,
      },
      onMark: () => undefined,
      witness: NO_WITNESS,
      isOff: async () => false,
      channel: {
        beat: () => Promise.reject(new Error('nobody names a report that is held')),
        async send(report) {
          await world.arrives;
          world.meanwhile();
          if (world.fails !== null) throw world.fails;
          sent.push(report);
          return {
            sequence: world.held.shift() ?? report.sequence,
            held: null,
            proposals: null,
            reads: [],
            twinsHeard: null,
          };
        },
      },
    });
    const report = async () => {
      reporter.request();
      await reporter.settled();
    };
    return { world, sent, said, reporter, report };
  }
  const told = (sent: readonly Report[]) =>
    sent.map(({ sequence, records }) => [sequence, records.map(({ id }) => id)]);

  it('sends one report though there is nothing new, and counts it', async () => {
    const { world, sent, report } = reporting();

    await report();
    await report();

    expect(told(sent)).toEqual([
      [1, []],
      [2, []],
    ]);
    expect(world.outbox).toEqual({ ...EMPTY_OUTBOX, sequence: 2 });
  });

  it('sends as many as it takes for every record, and each once', async () => {
    const { world, sent, report, reporter } = reporting();
    world.records = Array.from({ length: 201 }, (_, i) => record(i + 1, 'committed'));
    expect(await reporter.undelivered()).toBe(201);

    await report();

    expect(sent.map(({ records }) => records.length)).toEqual([100, 100, 1]);
    expect(world.outbox?.delivered).toEqual({ record: 201, stages: 1 });
    expect(await reporter.undelivered()).toBe(0);
  });

  it('has its number on the disk before it leaves, and the delivery only after it', async () => {
    const { world, report } = reporting();
    world.records = [record(1, 'planned')];
    const onDisk: unknown[] = [];
    world.meanwhile = () => void onDisk.push(world.outbox);

    await report();

    expect(onDisk).toEqual([{ ...EMPTY_OUTBOX, sequence: 1 }]);
    expect(world.outbox?.delivered).toEqual({ record: 1, stages: 1 });
  });

  it.each([
    [GONE, 'transport/unreachable'],
    [new TypeError('a bug'), 'internal'],
  ])(
    'that fails with %s keeps what it had, says so, and gives the next one another number',
    async (error, code) => {
      const { world, sent, said, report, reporter } = reporting();
      world.records = [record(1, 'planned')];
      world.fails = error;
      await report();
      expect(said).toEqual([{ level: 'warn', message: 'a report could not be delivered; it is kept', code }]);
      expect(await reporter.undelivered()).toBe(1);

      world.fails = null;
      await report();

      expect(told(sent)).toEqual([[2, [1]]]);
    },
  );

  it('asked again while one is on its way sends one more, with what came meanwhile', async () => {
    const { world, sent, reporter } = reporting();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.arrives = promise;
    reporter.request();
    await settle();
    world.records = [record(1, 'planned')];
    for (let i = 0; i < 3; i++) reporter.request();

    resolve();
    await reporter.settled();

    expect(told(sent)).toEqual([
      [1, []],
      [2, [1]],
    ]);
  });

  it('goes on from the number that the server holds where this disk came out of a backup', async () => {
    const { world, sent, report } = reporting();
    world.records = [record(1, 'committed')];
    world.held = [40];

    await report();

    expect(told(sent)).toEqual([
      [1, [1]],
      [41, [1]],
    ]);
    expect(world.outbox).toMatchObject({ sequence: 41, delivered: { record: 1, stages: 1 } });
  });

  it('lets a server move its number once a report, and never to where counting would fail', async () => {
    const { world, sent, report } = reporting();
    world.held = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];

    await report();

    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2 ** 52 + 1]);
  });

  it('tells a state that a record entered after it was told', async () => {
    const { world, sent, report } = reporting();
    world.records = [record(1, 'committed'), record(2, 'planned')];
    await report();
    world.records = [record(1, 'committed'), record(2, 'planned', 'fetching')];

    await report();

    expect(told(sent)).toEqual([
      [1, [1, 2]],
      [2, [2]],
    ]);
  });
});
