// Looking after what runs through the admin API: rehearse, repair, and go on from what is unhealthy.
import { describe, expect, it } from 'vitest';
import type { RehearsalReply, RepairReply } from '../../../../shared/protocol/upkeep.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';
import { rejectionOf } from '../../../support/error-code.ts';

async function deployed() {
  const network = createAgentNetwork();
  network.publish(releaseOf('1.0.0'));
  await network.start();
  await network.world.clock.advance(1000);
  return network;
}

describe('a rehearsal', () => {
  it('answers for a generation or a version, and leaves no trace', async () => {
    const { world, ask } = await deployed();
    const before = world.audit.length;

    const reply = (await ask('POST', '/v1/rollback/rehearsal', { to: 'core/auth@1.0.0' })) as RehearsalReply;

    expect(reply).toMatchObject({ schema: 'fairlead/rehearsal@1', generation: 1 });
    expect(world.deployer.rehearsed).toEqual([{ component: 'core/auth', version: '1.0.0' }]);
    expect(world.audit).toHaveLength(before);
  });

  it.each([['core/auth'], ['core/auth@'], ['auth@1.0.0'], [-1], ['core/auth@one']])(
    'refuses to look for %s',
    async (to) => {
      const { ask } = await deployed();

      expect(await rejectionOf(ask('POST', '/v1/rollback/rehearsal', { to }))).toMatchObject({
        code: 'document/invalid',
      });
    },
  );
});

describe('the log of a service', () => {
  it('is answered for what runs and for a deployment', async () => {
    const { ask } = await deployed();

    const replies = [
      await ask('POST', '/v1/logs', { component: 'core/auth' }),
      await ask('POST', '/v1/logs', { component: 'core/auth', change: 1 }),
    ];

    expect(replies).toMatchObject([
      { schema: 'fairlead/logs@1', lines: ['core/auth of now'] },
      { lines: ['core/auth of 1'] },
    ]);
    expect((await rejectionOf(ask('POST', '/v1/logs', { component: '../auth' }))).code).toBe(
      'document/invalid',
    );
  });
});

describe('a file changed by hand', () => {
  it('is an alarm within a day, though nobody asked', async () => {
    const { world, ask, stop } = await deployed();
    const tree = world.deployer.generations.at(-1)?.manifest.components[0]?.tree ?? '';
    await world.clock.advance(2 * 3_600_000);
    world.drift.set(tree, [{ path: 'server.js', problem: 'changed' }]);
    expect(JSON.stringify(await ask('GET', '/v1/status'))).not.toContain('changed by hand');

    await world.clock.advance(24 * 3_600_000);

    expect(JSON.stringify(await ask('GET', '/v1/status'))).toContain('changed by hand');
    await stop();
  });
});

describe('a repair', () => {
  it('is recorded before it happens, and ends the alarm about changed files', async () => {
    const { world, ask } = await deployed();
    const tree = world.deployer.generations.at(-1)?.manifest.components[0]?.tree ?? '';
    world.drift.set(tree, [{ path: 'server.js', problem: 'changed' }]);
    await ask('POST', '/v1/verify');
    world.deployer.repaired = () => void world.drift.clear();

    const reply = (await ask('POST', '/v1/verify/repair', { reason: 'after the incident' })) as RepairReply;

    expect(reply.schema).toBe('fairlead/repair@1');
    expect(world.audit.at(-1)).toMatchObject({
      event: 'repair-requested',
      details: { reason: 'after the incident' },
    });
    expect(JSON.stringify(await ask('GET', '/v1/status'))).not.toContain('changed by hand');
  });
});

describe('applying over what is unhealthy already', () => {
  it('is asked for by name and with a reason', async () => {
    const { world, publish, ask } = await deployed();
    world.policy = { kind: 'readable', policy: { ...readable(world.policy), channel: 'manual' } };
    publish(releaseOf('1.1.0'));
    await world.clock.advance(60_000);

    await ask('POST', '/v1/apply', { reason: 'the fix for it', override: ['health'] });

    expect(world.deployer.requests.at(-1)).toMatchObject({ acceptUnhealthy: true, note: 'the fix for it' });
    expect(world.deployer.requests.at(0)).toMatchObject({ acceptUnhealthy: false });
  });
});

function readable(state: ReturnType<typeof createAgentNetwork>['world']['policy']) {
  if (state.kind !== 'readable') throw new Error('the policy is not readable');
  return state.policy;
}
