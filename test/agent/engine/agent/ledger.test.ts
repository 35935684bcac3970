// The log says what happened: what the agent did, each act once, and what was changed past it.
import { describe, expect, it } from 'vitest';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { instanceConfig } from '../../../../shared/schema/instance.ts';
import { DEFAULT_POLICY, type Policy } from '../../../../shared/schema/policy.ts';
import { createAgentNetwork, POLL_MS, releaseOf } from '../../../support/agent-network.ts';
import { recordOf } from '../../../support/deployments.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';

type Network = ReturnType<typeof createAgentNetwork>;

const onChannel = (channel: Policy['channel']) => ({
  kind: 'readable' as const,
  policy: { ...DEFAULT_POLICY, channel },
});
const eventsOf = ({ world }: Network) => world.audit.map(({ event }) => event);
const editsIn = ({ world }: Network) =>
  world.audit.filter(({ event }) => event === 'policy-changed').map(({ details }) => details.edit);
const BY_HAND = 'found on disk, not made through the agent';

/** Another process over what the first one left. */
function restartedFrom({ world }: Network): Network {
  const next = createAgentNetwork();
  next.world.audit.push(...world.audit);
  next.world.policy = world.policy;
  next.world.config = world.config;
  next.world.deployer.records = [...world.deployer.records];
  next.world.deployer.generations = [...world.deployer.generations];
  return next;
}

it('finds a log that can no longer be continued by the next round, though nothing happened', async () => {
  const { world, start, ask } = createAgentNetwork();
  await start();
  world.auditError = new FairleadError('audit/damaged', {
    path: '/log',
    line: 3,
    problem: 'an entry is gone',
  });

  await world.clock.advance(POLL_MS);

  expect(await ask('GET', '/v1/status')).toMatchObject({
    alarms: [expect.stringContaining('is damaged at line 3')],
  });
});

describe('a policy edited by hand', () => {
  it('is in the log before the agent acts on it', async () => {
    const network = createAgentNetwork();
    const { world, publish, start } = network;
    world.policy = onChannel('frozen');
    publish(releaseOf('1.0.0'));
    await start();
    expect(world.deployer.requests).toHaveLength(0);

    world.policy = onChannel('auto');
    await world.clock.advance(POLL_MS);

    expect(world.deployer.requests).toHaveLength(1);
    expect(eventsOf(network).slice(-3)).toEqual(['policy-changed', 'deployment-started', 'deployment-ended']);
    expect(world.audit.find(({ event }) => event === 'policy-changed')?.details).toMatchObject({
      edit: BY_HAND,
      changes: '- channel: "frozen"; + channel: "auto"',
    });
  });

  it('is in the log before an operator’s apply under it', async () => {
    const network = createAgentNetwork();
    const { world, publish, start, ask } = network;
    world.policy = onChannel('frozen');
    publish(releaseOf('1.0.0'));
    await start();

    world.policy = onChannel('auto');
    await ask('POST', '/v1/apply', { override: [] });
    await settle();

    expect(eventsOf(network).slice(2, 4)).toEqual(['apply-requested', 'deployment-started']);
    expect(eventsOf(network)[1]).toBe('policy-changed');
  });

  it('while no agent ran is found by the next one', async () => {
    const first = createAgentNetwork();
    await first.start();
    await first.stop();
    const second = restartedFrom(first);
    second.world.policy = onChannel('frozen');

    await second.start();

    expect(editsIn(second)).toEqual([BY_HAND]);
  });

  it('is one entry, however many rounds see it, and an untouched one is none', async () => {
    const network = createAgentNetwork();
    await network.start();
    await network.world.clock.advance(5 * POLL_MS);
    expect(editsIn(network)).toEqual([]);

    network.world.policy = onChannel('manual');
    await network.world.clock.advance(5 * POLL_MS);

    expect(editsIn(network)).toEqual([BY_HAND]);
  });

  it('just before an edit through the agent is told apart from it', async () => {
    const network = createAgentNetwork();
    await network.start();
    network.world.policy = onChannel('frozen');

    await network.ask('PUT', '/v1/policy', {
      edit: { kind: 'channel', channel: 'manual' },
      reason: 'maintenance',
      preview: false,
    });
    await network.world.clock.advance(POLL_MS);

    expect(editsIn(network)).toEqual([BY_HAND, '{"kind":"channel","channel":"manual"}']);
  });

  it('counts for the configuration too', async () => {
    const network = createAgentNetwork();
    await network.start();

    network.world.config = instanceConfig.parse({ schema: 'fairlead/instance@1', suites: {} });
    await network.world.clock.advance(2 * POLL_MS);

    expect(editsIn(network)).toEqual(['the instance configuration, found on disk']);
  });
});

describe('an edit that did not happen', () => {
  it('is not in the log when the policy is damaged', async () => {
    const network = createAgentNetwork();
    await network.start();
    network.world.policy = { kind: 'unreadable', problem: 'damaged' };
    const refusal = { reason: 'why', preview: false, edit: { kind: 'channel', channel: 'manual' } };
    const edit = network.world.settings.edit;
    network.world.settings.edit = () =>
      Promise.reject(new FairleadError('policy/unreadable', { path: 'settings.json', problem: 'damaged' }));

    expect((await rejectionOf(network.ask('PUT', '/v1/policy', refusal))).code).toBe('policy/unreadable');
    network.world.settings.edit = edit;

    expect(editsIn(network)).toEqual([]);
  });

  it('is put right in the log when the disk refused it after the entry', async () => {
    const network = createAgentNetwork();
    await network.start();
    const { settings } = network.world;
    const { edit } = settings;
    settings.edit = async (change, record) => {
      await record(DEFAULT_POLICY, await change(DEFAULT_POLICY));
      throw new FairleadError('disk/full', { path: 'settings.json', needed: 1, free: 0 });
    };
    const wanted = { reason: 'why', preview: false, edit: { kind: 'channel', channel: 'manual' } };
    expect((await rejectionOf(network.ask('PUT', '/v1/policy', wanted))).code).toBe('disk/full');
    settings.edit = edit;

    await network.world.clock.advance(POLL_MS);

    expect(editsIn(network)).toEqual(['{"kind":"channel","channel":"manual"}', BY_HAND]);
  });
});

describe('a deployment', () => {
  it('that an earlier process could not write down any more is written down at the start, once', async () => {
    const first = createAgentNetwork();
    first.world.deployer.records = [
      recordOf(1, ['planned', 'committed']),
      recordOf(2, ['planned', 'stopping', 'rolled-back']),
      recordOf(3, ['planned']),
    ];
    first.world.audit.push({
      event: 'deployment-started',
      actor: 'agent',
      details: { change: 1, plan: 'sha256:0', reason: 'channel' },
    });

    await first.start();
    await first.stop();
    const second = restartedFrom(first);
    await second.start();

    const told = second.world.audit
      .filter(({ event }) => event.startsWith('deployment-'))
      .map(({ event, details }) => `${event} ${details.change}`);
    expect(told.sort()).toEqual([
      'deployment-ended 1',
      'deployment-ended 2',
      'deployment-started 1',
      'deployment-started 2',
      'deployment-started 3',
    ]);
  });
});

describe('a log that cannot be continued', () => {
  it('is an alarm, stops no deployment, and is caught up with once it can', async () => {
    const network = createAgentNetwork();
    const { world, publish, start, ask } = network;
    world.auditError = new FairleadError('disk/full', { path: 'log.jsonl', needed: 1, free: 0 });
    publish(releaseOf('1.0.0'));
    await start();
    expect(world.deployer.requests).toHaveLength(1);
    expect(JSON.stringify(await ask('GET', '/v1/status'))).toContain('log.jsonl');

    world.auditError = null;
    publish(releaseOf('1.1.0'));
    await world.clock.advance(POLL_MS);

    expect(eventsOf(network)).toEqual(expect.arrayContaining(['deployment-started', 'deployment-ended']));
    expect(JSON.stringify(await ask('GET', '/v1/status'))).not.toContain('log.jsonl');
  });
});
