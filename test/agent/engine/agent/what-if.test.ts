// What if: the answer that would really be given, and nothing done about it.
import { describe, expect, it } from 'vitest';
import { explanationReply } from '../../../../shared/protocol/admin.ts';
import { DEFAULT_POLICY, type Policy, policy } from '../../../../shared/schema/policy.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';
import { settle } from '../../../support/fake-clock.ts';

/** An agent with 1.0.0 on offer; the clock stands on Sunday, 1 March 2026, 10:00 UTC. */
async function offering(part: Partial<Record<keyof Policy, unknown>>) {
  const network = createAgentNetwork();
  const set = policy.parse({ ...DEFAULT_POLICY, ...part });
  network.world.policy = { kind: 'readable', policy: set };
  network.publish(releaseOf('1.0.0'));
  await network.start();
  const whatIf = async (body: object) =>
    explanationReply.parse(await network.ask('POST', '/v1/what-if', body));
  return { ...network, whatIf };
}

const night = { name: 'night', cron: '0 2 * * sat', duration: 'PT4H', zone: 'UTC' };
const SATURDAY = '2026-03-07T02:30:00Z';

describe('what if', () => {
  it('it were Saturday night: the window is open', async () => {
    const { whatIf } = await offering({ windows: { allow: [night], deny: [] } });

    const now = await whatIf({});
    const then = await whatIf({ at: SATURDAY });

    expect(now.decision).toMatchObject({ verdict: 'wait', blockers: [{ code: 'window-closed' }] });
    expect(now.openings).toMatchObject([
      { opens: '2026-03-07T02:00:00Z', closes: '2026-03-07T06:00:00Z' },
      { opens: '2026-03-14T02:00:00Z' },
      { opens: '2026-03-21T02:00:00Z' },
    ]);
    expect(then).toMatchObject({ at: SATURDAY, decision: { verdict: 'apply' } });
  });

  it('everybody approved: the policy’s other rules still hold', async () => {
    const { whatIf } = await offering({ channel: 'manual', windows: { allow: [night], deny: [] } });

    expect((await whatIf({ assume: ['approved'] })).decision).toMatchObject({
      blockers: [{ code: 'window-closed' }],
    });
    expect((await whatIf({ assume: ['approved'], at: SATURDAY })).decision.verdict).toBe('apply');
    expect((await whatIf({ at: SATURDAY })).decision).toMatchObject({ verdict: 'ask' });
  });

  it.each([
    ['window', { windows: { allow: [night], deny: [] } }],
    ['auto', { channel: 'frozen' }],
    [
      'released',
      { hold: { since: '2026-03-01T09:00:00Z', until: '2026-03-09T09:00:00Z', reason: 'sale', by: 'ops' } },
    ],
    [
      'approved',
      {
        channel: 'manual',
        approvals: {
          required: 2,
          approvers: [
            { name: 'a', key: 'aa'.repeat(32) },
            { name: 'b', key: 'bb'.repeat(32) },
          ],
        },
      },
    ],
    [
      'unpinned',
      { pins: [{ level: 'capability', name: 'core/auth', version: '2.x', owner: 'ops', reason: 'x' }] },
    ],
  ])('%s clears exactly what stands against it', async (assume, part) => {
    const { whatIf } = await offering(part);

    expect((await whatIf({})).decision.verdict).not.toBe('apply');
    expect((await whatIf({ assume: [assume] })).decision.verdict).toBe('apply');
  });

  it('a denial stays a denial', async () => {
    const { whatIf, ask } = await offering({ channel: 'manual' });
    const plan = (await whatIf({})).decision.target?.plan;
    await ask('POST', '/v1/approvals', { plan, verdict: 'deny', reason: 'no' });

    expect((await whatIf({ assume: ['approved'] })).decision.blockers).toMatchObject([
      { code: 'approval-denied' },
    ]);
  });

  it('changes nothing', async () => {
    const { world, whatIf } = await offering({ channel: 'frozen' });

    await whatIf({ assume: ['auto', 'approved', 'window', 'released', 'unpinned'] });
    await settle();

    expect(world.deployer.records).toEqual([]);
    expect(world.policy).toMatchObject({ policy: { channel: 'frozen' } });
  });
});
