// The way to a release as it is answered: whole, with what must be fetched for each step, each tree once.
import { describe, expect, it } from 'vitest';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import type { WayReply } from '../../../../shared/protocol/way.ts';
import { releaseOf, runningAlone } from '../../../support/agent-network.ts';

describe('the way to a release', () => {
  const wayTo = async (network: Awaited<ReturnType<typeof runningAlone>>, target: string) =>
    (await network.ask('POST', '/v1/way', { target })) as WayReply;

  it('is told whole: each deployment with its moves, what of them must be fetched, and what stands before it', async () => {
    const network = await runningAlone();
    const { world, publish, ask } = network;
    publish(releaseOf('1.1.0', { requiredStop: true }), releaseOf('1.2.0'));
    await ask('POST', '/v1/check');

    const way = await wayTo(network, 'core/auth@1.2.0');

    expect(way).toMatchObject({
      ...{ schema: 'fairlead/way@1', at: '2026-03-01T10:00:01Z', target: 'core/auth@1.2.0' },
      outcome: 'reachable',
      hops: [
        { moves: [{ from: '1.0.0', to: '1.1.0', bytes: 100, origin: 'latest' }] },
        { moves: [{ from: '1.1.0', to: '1.2.0', bytes: 100 }] },
      ],
      blockers: [{ code: 'approval-needed' }, { code: 'approval-needed' }],
      interruptionMs: null,
    });
    expect(way).not.toHaveProperty('back');
    world.fetched.push(releaseOf('1.1.0').document.tree.digest);
    expect((await wayTo(network, 'core/auth@1.2.0')).hops.map(({ moves }) => moves[0]?.bytes)).toEqual([
      0, 100,
    ]);
  });

  it('counts a tree once that two deployments on the way need', async () => {
    const network = await runningAlone();
    const tree = { digest: digestOfValue('the same files'), files: 1, bytes: 100 };
    network.publish(releaseOf('1.1.0', { requiredStop: true, tree }), releaseOf('1.2.0', { tree }));
    await network.ask('POST', '/v1/check');

    const { hops } = await wayTo(network, 'core/auth@1.2.0');

    expect(hops.map(({ moves }) => moves[0]?.bytes)).toEqual([100, 0]);
  });

  it.each(['core@1.0.0', 'platform@1.0.0'])('back is for a capability alone: %s', async (target) => {
    const network = await runningAlone();

    await expect(wayTo(network, target)).rejects.toMatchObject({ code: 'plan/no-such-release' });
  });
});
