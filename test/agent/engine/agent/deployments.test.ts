// What starts a deployment: the operator's word with all its parts, and the exact refusal where it may not start.
import { describe, expect, it } from 'vitest';
import { shortDigest } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { ExplanationReply } from '../../../../shared/protocol/admin.ts';
import { DEFAULT_POLICY, type Policy, policy as policySchema } from '../../../../shared/schema/policy.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';

const CLOSED = { name: 'night', cron: '0 2 * * sat', duration: 'PT4H', zone: 'UTC' };

async function offering(policy: Partial<Record<keyof Policy, unknown>>, ...versions: readonly string[]) {
  const network = createAgentNetwork();
  network.world.policy = { kind: 'readable', policy: policySchema.parse({ ...DEFAULT_POLICY, ...policy }) };
  network.publish(...versions.map((version) => releaseOf(version)));
  await network.start();
  const apply = (body: object) => network.ask('POST', '/v1/apply', body);
  const refusal = (body: object) => rejectionOf(apply(body));
  const planOnOffer = async () =>
    ((await network.ask('GET', '/v1/explanation')) as ExplanationReply).decision.target?.plan ?? '';
  return { ...network, apply, refusal, planOnOffer };
}

describe('a deployment of the agent’s own', () => {
  it('bears nobody’s reason, and accepts nothing', async () => {
    const { world } = await offering({}, '1.0.0');

    expect(world.deployer.requests).toMatchObject([
      { actor: 'agent', acceptUnhealthy: false, acceptDrift: false },
    ]);
    expect(world.deployer.requests[0]).not.toHaveProperty('note');
  });
});

describe('an apply', () => {
  it.each([
    [[], false, false],
    [['health'], true, false],
    [['drift'], false, true],
    [['window'], false, false],
  ] as const)('passes over %j and nothing else', async (override, acceptUnhealthy, acceptDrift) => {
    const { world, apply } = await offering({ channel: 'manual' }, '1.0.0');

    await apply({ reason: 'go', override });

    expect(world.deployer.requests).toMatchObject([
      { actor: 'alice', note: 'go', acceptUnhealthy, acceptDrift },
    ]);
  });

  it('needs no reason where the channel would have applied the plan by itself, and says that it was by hand', async () => {
    const { world, apply, publish } = await offering({}, '1.0.0');
    publish(releaseOf('1.1.0'));
    world.freshness = { state: 'expired', expires: 0 };
    await world.clock.advance(60_000);
    world.freshness = { state: 'fresh', expires: world.clock.now() + 1e9 };

    await apply({});

    expect(world.deployer.requests.at(-1)).toMatchObject({ actor: 'alice', note: 'applied by hand' });
    expect(world.audit.find(({ event }) => event === 'apply-requested')?.details).toEqual({
      plan: expect.stringMatching(/^sha256:/),
      reason: 'applied by hand',
      override: '',
    });
  });

  it.each([
    ['on a channel that waits', { channel: 'manual' }, {}, 'manual'],
    ['on a channel that changes nothing', { channel: 'frozen' }, {}, 'frozen'],
    ['where something is passed over', {}, { override: ['window'] }, 'auto'],
  ] as const)('needs a reason %s', async (_where, policy, body, channel) => {
    const { refusal } = await offering(policy, '1.0.0');

    expect(dataOf(await refusal(body), 'apply/reason-needed')).toEqual({ channel });
  });

  it('of nothing says so, with the verdict', async () => {
    const { refusal } = await offering({}, '1.0.0');

    expect(dataOf(await refusal({ reason: 'go' }), 'apply/nothing')).toEqual({ verdict: 'current' });
  });

  it('of nothing, while what runs by then is still being deployed, names that deployment', async () => {
    const { world, refusal } = await offering({}, '1.0.0');
    const [first] = world.deployer.records;
    if (first === undefined) throw new Error('nothing was deployed');
    world.deployer.port.inProgress = () => ({ ...first, state: 'soaking' });

    expect(dataOf(await refusal({ reason: 'go' }), 'deploy/busy')).toEqual({ deployment: 1 });
  });

  it('of another plan than was seen names both', async () => {
    const { publish, ask, refusal, planOnOffer } = await offering({ channel: 'manual' }, '1.0.0');
    const plan = await planOnOffer();
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');

    expect(dataOf(await refusal({ plan, reason: 'go' }), 'apply/plan-changed')).toEqual({
      seen: shortDigest(plan as never),
      now: shortDigest((await planOnOffer()) as never),
    });
  });

  it('that is blocked says by what, all of it, and which command clears the first that can be cleared', async () => {
    const hold = {
      since: '2026-03-01T09:00:00Z',
      until: '2026-03-09T09:00:00Z',
      reason: 'sale',
      by: 'ada',
    };
    const { world, refusal } = await offering(
      { channel: 'manual', hold, windows: { allow: [CLOSED], deny: [] } },
      '1.0.0',
    );
    world.freshness = { state: 'expired', expires: 0 };

    const { blockers, clearWith } = dataOf(await refusal({ reason: 'go' }), 'apply/blocked');

    expect(blockers.split('; ').length).toBeGreaterThanOrEqual(3);
    expect(clearWith).toMatch(/^fairlead /);
    expect(world.deployer.requests).toEqual([]);
    expect(world.audit.map(({ event }) => event)).not.toContain('apply-requested');
  });

  it('of a plan that was denied names no command: nobody takes a no back', async () => {
    const { ask, refusal, planOnOffer } = await offering({ channel: 'manual' }, '1.0.0');
    await ask('POST', '/v1/approvals', { plan: await planOnOffer(), verdict: 'deny', reason: 'no' });

    expect(dataOf(await refusal({ reason: 'go' }), 'apply/blocked').clearWith).toBeNull();
  });

  it('where the configuration cannot be read is blocked by that, not by having nothing to apply', async () => {
    const { world, refusal } = await offering({ channel: 'manual' }, '1.0.0');
    world.config = new FairleadError('document/invalid', { document: 'instance.json', issues: [] });

    expect((await refusal({ reason: 'go' })).code).toBe('apply/blocked');
  });

  it('that cannot be started is refused, said in the log, and the agent looks again', async () => {
    const { world, refusal } = await offering({ channel: 'manual' }, '1.0.0');
    world.deployer.port.deploy = async () => {
      throw new FairleadError('deploy/agent-stops', {});
    };
    const before = world.reports.length;

    expect((await refusal({ reason: 'go' })).code).toBe('deploy/agent-stops');
    await settle();

    expect(world.logged.at(-1)).toMatchObject({ level: 'warn' });
    expect(world.logged).toContainEqual({ level: 'warn', message: 'a deployment could not be started' });
    expect(world.reports.length).toBe(before + 1);
  });

  it('answers when it has begun, and the agent looks again when it has ended', async () => {
    const { world, apply } = await offering({ channel: 'manual' }, '1.0.0');
    world.deployer.slow = true;

    expect(await apply({ reason: 'go' })).toEqual({ change: 1 });
    await settle();
    expect(world.decisions.value?.decision.verdict).toBe('ask');
    world.deployer.finish();
    await settle();

    expect(world.decisions.value?.decision.verdict).toBe('current');
  });

  it('is not stopped at the last safe point by the windows and the channel it passed over', async () => {
    const { world, apply } = await offering(
      { channel: 'frozen', windows: { allow: [CLOSED], deny: [] } },
      '1.0.0',
    );

    await apply({ reason: 'go', override: ['window'] });
    await settle();

    expect(world.deployer.records).toMatchObject([{ state: 'committed' }]);
  });
});

describe('a rollback', () => {
  it('goes where it was judged to go, though nobody named it, and tells of it', async () => {
    const { world, publish, ask } = await offering({}, '1.0.0');
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');
    await settle();
    const asked: unknown[] = [];
    const { rollback } = world.deployer.port;
    world.deployer.port.rollback = (request) => {
      const { onStarted: _, ...rest } = request;
      asked.push(rest);
      return rollback(request);
    };

    expect(await ask('POST', '/v1/rollback', { reason: 'slow' })).toEqual({ change: 3 });

    expect(asked).toEqual([{ reason: 'slow', actor: 'alice', to: 1 }]);
  });

  it('where nothing runs leads nowhere', async () => {
    const { ask } = createAgentNetwork();

    expect(
      dataOf(await rejectionOf(ask('POST', '/v1/rollback', { to: 1, reason: 'slow' })), 'rollback/no-target'),
    ).toEqual({ wanted: 'generation 1', available: 'none' });
  });
});
