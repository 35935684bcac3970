// Hints: what a server may bring about by them, how soon, how often, and what happens while none can be had.
import { describe, expect, it } from 'vitest';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { StatusReply } from '../../../../shared/protocol/admin.ts';
import { createAgentNetwork, POLL_MS, releaseOf } from '../../../support/agent-network.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

async function listening() {
  const network = createAgentNetwork();
  await network.start();
  await network.world.clock.advance(SECOND);
  network.world.line?.on.onOpen();
  return network;
}

type Network = Awaited<ReturnType<typeof listening>>;

/** When the server was asked, in milliseconds from now on. */
async function asked({ world }: Network, ms: number): Promise<readonly number[]> {
  const from = world.clock.monotonic();
  const before = world.refreshes.length;
  await world.clock.advance(ms);
  return world.refreshes.slice(before).map((at) => at - from);
}

async function hintsOf({ agent }: Network): Promise<StatusReply['hints']> {
  const request = { method: 'GET', path: '/v1/status', body: new Uint8Array(), actor: 'ada' };
  return ((await agent.handle(request)) as StatusReply).hints;
}

describe('a hint that something is out', () => {
  it('is followed within the time that the server names, by chance', async () => {
    const network = await listening();

    network.world.line?.on.onHint({ timestamp: 8, spreadMs: 20 * SECOND });

    expect(await asked(network, 30 * SECOND)).toEqual([10 * SECOND]);
  });

  it('brings what was published long before the next poll', async () => {
    const network = await listening();
    const { world, publish } = network;
    publish(releaseOf('1.0.0'));

    world.line?.on.onHint({ timestamp: 8, spreadMs: 0 });
    await world.clock.advance(SECOND);

    expect(world.deployer.generations).toHaveLength(1);
  });

  it('spreads over ten minutes at most, whatever the server names', async () => {
    const network = await listening();
    network.world.line?.on.onHint({ timestamp: 8, spreadMs: Number.MAX_SAFE_INTEGER });

    const times = await asked(network, 6 * MINUTE);

    // Polls at its interval, and one more in the middle of the longest spread.
    expect(times.length).toBe(7);
    expect(times).toContain(5 * MINUTE);
  });

  it('that is urgent overtakes one that is not, and one question answers both', async () => {
    const network = await listening();
    network.world.line?.on.onHint({ timestamp: 8, spreadMs: 40 * SECOND });
    network.world.line?.on.onHint({ timestamp: 9, spreadMs: 2 * SECOND });
    network.world.line?.on.onHint({ timestamp: 9, spreadMs: 40 * SECOND });

    expect(await asked(network, 40 * SECOND)).toEqual([SECOND]);
  });

  it('that comes again and again makes the agent ask once in five seconds', async () => {
    const network = await listening();
    for (let i = 0; i < 30; i++) {
      network.world.line?.on.onHint({ timestamp: 8 + i, spreadMs: 0 });
      await network.world.clock.advance(SECOND);
    }

    expect(network.world.refreshes.length).toBeLessThanOrEqual(2 + 30 / 5);
  });

  it('while a question is under way is followed by another one', async () => {
    const network = await listening();
    const { world } = network;
    const { promise, resolve } = Promise.withResolvers<void>();
    world.serverAnswers = promise;
    world.line?.on.onHint({ timestamp: 8, spreadMs: 0 });
    await world.clock.advance(SECOND);
    world.line?.on.onHint({ timestamp: 9, spreadMs: 0 });
    await world.clock.advance(6 * SECOND);
    const before = world.refreshes.length;

    resolve();
    await world.clock.advance(2 * SECOND);

    expect(world.refreshes.length - before).toBe(1);
  });

  it('does not break into the time for which the server wants to be left alone', async () => {
    const network = await listening();
    const { world } = network;
    const data = { url: 'https://vendor.example', status: 503, problem: 'busy', retryAfterSeconds: 120 };
    world.serverError = new FairleadError('transport/refused', data);
    await world.clock.advance(POLL_MS);
    world.serverError = null;

    world.line?.on.onHint({ timestamp: 8, spreadMs: 0 });

    expect((await asked(network, 118 * SECOND)).length).toBe(0);
    expect((await asked(network, 2 * MINUTE)).length).toBeGreaterThan(0);
  });
});

describe('a hint about proposals', () => {
  it('has them fetched, and one that leads to nothing new changes nothing', async () => {
    const network = await listening();
    const { world } = network;
    const fetches: (string | null)[] = [];
    const { proposals } = world.vendor;
    world.vendor.proposals = async (after) => {
      fetches.push(after);
      return await proposals(after);
    };

    world.line?.on.onHint({ proposals: true, spreadMs: 0 });
    await world.clock.advance(SECOND);
    await world.clock.advance(10 * SECOND);

    expect(fetches).toEqual([null]);
  });
});

describe('the connection', () => {
  it('shows in the status: since when it stands, and why it does not', async () => {
    const network = await listening();
    const open = await hintsOf(network);
    network.world.line?.end({ problem: 'the answer was 403\u001b[2J, not a WebSocket', isRefusal: true });
    await network.world.clock.advance(1);

    expect(open).toMatchObject({ listening: true, problem: null });
    expect(await hintsOf(network)).toMatchObject({
      listening: false,
      problem: 'the answer was 403\ufffd[2J, not a WebSocket',
    });
  });

  it('is tried again soon when it breaks, and later each time that it does not last', async () => {
    const network = await listening();
    const { world } = network;
    const waits: number[] = [];
    const lose = async (how?: { readonly isSteady: true }) => {
      const at = world.clock.monotonic();
      world.line?.end(how);
      await world.clock.advance(5 * MINUTE);
      waits.push((world.dials.at(-1) ?? 0) - at);
    };
    await lose({ isSteady: true });
    for (let i = 0; i < 8; i++) await lose();

    // Half of what is drawn from: 20 seconds four times, and then twice that.
    expect(waits.map((ms) => ms / SECOND)).toEqual([10, 10, 10, 10, 20, 20, 20, 20, 40]);
    expect(world.dials.length).toBe(10);
  });

  it('that is refused on the way is tried every ten minutes, and costs no poll', async () => {
    const network = await listening();
    const { world } = network;
    world.line?.end({ isRefusal: true });
    const dials = world.dials.length;

    const polls = await asked(network, 9 * MINUTE);

    expect(polls.length).toBe(9);
    expect(world.dials.length).toBe(dials);
    await world.clock.advance(2 * MINUTE);
    expect(world.dials.length).toBe(dials + 1);
  });

  it('is a reason to ask when it is there again: what was said meanwhile is not said again', async () => {
    const network = await listening();
    const { world } = network;
    world.line?.end({ isSteady: true });
    await world.clock.advance(10 * SECOND);

    world.line?.on.onOpen();

    expect(await asked(network, 5 * SECOND)).toEqual([5 * SECOND]);
  });

  it('ends with the agent', async () => {
    const network = await listening();

    await network.stop();

    expect(network.world.line).toBeNull();
  });
});
