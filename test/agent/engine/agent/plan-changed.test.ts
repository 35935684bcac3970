// What was shown or decided is what runs: a plan that became another one starts nothing, and stops before anything stops.
import { describe, expect, it } from 'vitest';
import { apply } from '../../../../agent/cli/commands/apply.ts';
import { DEFAULT_POLICY, policy as policySchema } from '../../../../shared/schema/policy.ts';
import { releaseOf } from '../../../support/agent-network.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';
import { atTerminal } from '../../../support/terminal.ts';

/** Two versions on offer, of which the newer one would run. */
async function offered(overrides: Parameters<typeof atTerminal>[1] = {}) {
  const terminal = await atTerminal('manual', overrides);
  terminal.publish(releaseOf('1.1.0'));
  await terminal.ask('POST', '/v1/check');
  return terminal;
}

type World = Awaited<ReturnType<typeof offered>>['world'];

/** Becomes another plan, which the policy allows as it allowed the first. */
function pinTo(world: World, version: string): void {
  const pin = { level: 'capability', name: 'core/auth', version, owner: 'bob', reason: 'certified' };
  world.policy = {
    kind: 'readable',
    policy: policySchema.parse({ ...DEFAULT_POLICY, channel: 'manual', pins: [pin] }),
  };
}

describe('an apply of a plan that has become another one', () => {
  it('is refused with the difference, and nothing is deployed', async () => {
    const { context, lines, world } = await offered({ interactive: true });
    const meanwhile = {
      ...context,
      async confirm() {
        pinTo(world, '1.0.0');
        return true;
      },
    };

    const refusal = dataOf(await rejectionOf(apply(meanwhile, { reason: 'go' })), 'agent/refused');

    expect(refusal.code).toBe('apply/plan-changed');
    expect(lines()).toContainEqual(
      expect.stringMatching(/core.auth: install none → 1.0.0 .*, was: install none → 1.1.0 /),
    );
    expect(world.deployer.requests).toEqual([]);
    expect(world.audit.map(({ event }) => event)).not.toContain('apply-requested');
  });

  it('while it was fetched is given up before anything stops', async () => {
    const { ask, world } = await offered();
    const { onRecord } = world.deployer;
    world.deployer.onRecord = (record) => {
      if (record.state === 'preflight') pinTo(world, '1.0.0');
      onRecord(record);
    };

    await ask('POST', '/v1/apply', { reason: 'go' });
    await settle();

    expect(world.deployer.records).toMatchObject([{ state: 'abandoned' }]);
    expect(world.deployer.generations).toEqual([]);
  });

  it('runs where it is the same by then', async () => {
    const { ask, world } = await offered();

    await ask('POST', '/v1/apply', { reason: 'go' });
    await settle();

    expect(world.deployer.generations).toMatchObject([{ manifest: { components: [{ version: '1.1.0' }] } }]);
  });
});
