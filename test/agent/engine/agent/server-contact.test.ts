// The agent and its server: what waits for an answer, what does not, and what is said about it.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createServerContact } from '../../../../agent/engine/agent/server-contact.ts';
import { EMPTY_CATALOG } from '../../../../shared/compile/releases.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { untilFresh } from '../../../../shared/present/status.ts';
import type { StatusReply } from '../../../../shared/protocol/admin.ts';
import { createAgentNetwork, POLL_MS, releaseOf } from '../../../support/agent-network.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const AWAY = new FairleadError('transport/unreachable', {
  url: 'https://vendor.example',
  problem: 'ECONNREFUSED',
});
const LIES = new FairleadError('trust/rollback', { role: 'timestamp', trusted: 7, offered: 5 });
const STALE = new FairleadError('trust/expired', { role: 'timestamp', expires: 'then', reference: 'now' });

function hungServer() {
  const network = createAgentNetwork();
  const { promise, resolve } = Promise.withResolvers<void>();
  network.world.serverAnswers = promise;
  return { ...network, answer: resolve };
}

describe('a server that does not answer', () => {
  it('keeps nothing that is on disk from being decided and deployed', async () => {
    const { world, publish, start } = hungServer();
    publish(releaseOf('1.0.0'));

    await start();
    await world.clock.advance(5_000);

    expect(world.deployer.generations).toHaveLength(1);
    expect(world.decisions.value).not.toBeNull();
  });

  it('is asked once, not again and again while the question is under way', async () => {
    const { world, start } = hungServer();

    await start();
    await world.clock.advance(30 * POLL_MS);

    expect(world.refreshes).toHaveLength(1);
  });

  it('is heard when it answers after all, at once', async () => {
    const { world, publish, start, answer } = hungServer();
    await start();
    await world.clock.advance(10 * POLL_MS);
    publish(releaseOf('1.0.0'));
    const before = world.deployer.generations.length;

    answer();
    await world.clock.advance(1_000);

    expect([before, world.deployer.generations.length]).toEqual([0, 1]);
  });

  it('is asked at its interval again once it has answered', async () => {
    const { world, start, answer } = hungServer();
    await start();
    await world.clock.advance(10 * POLL_MS);
    answer();
    await world.clock.advance(2 * POLL_MS);

    expect(world.refreshes).toEqual([0, 11 * POLL_MS, 12 * POLL_MS]);
  });
});

describe('what the vendor has signed', () => {
  it('is what the news say, though the disk was being read when they came', async () => {
    const [before, after] = [EMPTY_CATALOG, { ...EMPTY_CATALOG }];
    const slow = Promise.withResolvers<typeof EMPTY_CATALOG>();
    const readings = [slow.promise, Promise.resolve(after)];
    const contact = createServerContact({
      repository: {
        refresh: async () => 'changed',
        catalog: () => readings.shift() ?? Promise.reject(new Error('read too often')),
        freshness: () => ({ state: 'never', expires: null }),
        root: () => null,
        mirror: () => null,
      },
      clock: createFakeClock(),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      intervalMs: POLL_MS,
      chance: () => 0.5,
    });

    const opened = contact.open();
    const asked = contact.ask();
    await setImmediate();
    slow.resolve(before);
    await Promise.all([opened, asked]);

    expect(contact.catalog()).toBe(after);
  });

  it('is read again by the next round where the one that heard of news could not read it', async () => {
    const { world, publish, start } = createAgentNetwork();
    await start();
    publish(releaseOf('1.0.0'));
    world.catalogError = new FairleadError('disk/failed', { path: '/state/trust', problem: 'EIO' });
    await world.clock.advance(2 * POLL_MS);
    const before = world.deployer.generations.length;

    world.catalogError = null;
    await world.clock.advance(2 * POLL_MS);

    expect([before, world.deployer.generations.length]).toEqual([0, 1]);
  });
});

describe('what a round says', () => {
  it('tells a disk of its own that does not take what came', async () => {
    const { world, start } = createAgentNetwork();
    world.serverError = new FairleadError('disk/failed', {
      path: '/state/trust/timestamp.json',
      problem: 'EPERM',
    });

    await start();

    const message = 'what the server sent could not be kept on this disk';
    expect(world.logged).toContainEqual({ level: 'error', message });
  });

  it('tells nothing learned from not believed', async () => {
    const { world, start } = createAgentNetwork();
    world.serverError = AWAY;
    await start();
    world.serverError = LIES;
    await world.clock.advance(10 * POLL_MS);

    const said = world.logged.filter(({ level }) => level !== 'info');

    expect(said[0]).toEqual({ level: 'warn', message: 'the server could not be asked' });
    expect(said.at(-1)).toEqual({ level: 'error', message: 'what the server sent was not believed' });
  });

  it('follows the state: lost, back with nothing newer, lying, back, fresh', async () => {
    const { world, start, ask } = createAgentNetwork();
    const alarms = async () => ((await ask('GET', '/v1/status')) as StatusReply).alarms.join();
    world.freshness = { state: 'expired', expires: 0 };
    const seen: string[] = [];
    const after = async (error: FairleadError | null) => {
      world.serverError = error;
      await world.clock.advance(3_600_000);
      seen.push(/nothing new is installed (until[^,]*)/.exec(await alarms())?.[1] ?? 'nothing');
    };
    world.serverError = AWAY;
    await start();

    for (const error of [AWAY, null, LIES, STALE, null]) await after(error);
    world.freshness = { state: 'fresh', expires: world.clock.now() + 1e9 };
    seen.push(await alarms());

    expect(seen).toEqual([
      'until the server is reached',
      'until the vendor signs anew: the server was reached and has nothing newer',
      'until the server sends what can be believed (trust/rollback)',
      'until the vendor signs anew: what the server has is expired too',
      'until the vendor signs anew: the server was reached and has nothing newer',
      '',
    ]);
  });

  it('is the same before the first question as without a server', () => {
    expect(untilFresh(null)).toBe('until the server is reached');
  });
});
