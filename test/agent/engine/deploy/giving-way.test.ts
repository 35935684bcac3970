// Giving way to a forced patch: what has touched nothing ends so, a long soak is cut short, and anything else goes on.
import { describe, expect, it } from 'vitest';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import { instantMs } from '../../../../shared/encoding/instant.ts';
import type { DeploymentRecord, DeploymentState } from '../../../../shared/schema/deployment.ts';
import { deployable } from '../../../labs/faults/releases.ts';
import { AUTH, planOf } from '../../../support/deploy-releases.ts';
import { createWorld } from '../../../support/deploy-world.ts';
import { until } from '../../../support/driver-contract.ts';

const OLD = deployable({ [AUTH]: '1.0.0' });
const NEW = deployable({ [AUTH]: '1.1.0' });
const HOUR_MS = 3_600_000;

/** Asked at the first call that the engine makes in that state. */
async function askedIn(state: DeploymentState, { soakMs = 10_000, samePlan = false } = {}) {
  const world = createWorld({ soakMs });
  let asks = (): void => undefined;
  const { deployer } = world.boot(() => {
    asks();
    return 'none';
  });
  await deployer.recover();
  const deploy = async (to: typeof OLD, plan = planOf(null, to)) =>
    deployer.deploy({ ...to, plan, actor: 'agent', stillAllowed: async () => true });
  await deploy(OLD);
  const plan = planOf(await deployer.current(), NEW);
  const wanted = samePlan ? digestOfValue(plan) : 'sha256:another';
  asks = () => {
    if (deployer.inProgress()?.state === state) deployer.giveWay(wanted);
  };
  const record = await deploy(NEW, plan);
  return { world, deployer, record };
}

describe('asked to give way', () => {
  it.each(['planned', 'fetching', 'staged', 'preflight'] as const)(
    'while it is %s, a deployment ends and nothing was touched',
    async (state) => {
      const { world, deployer, record } = await askedIn(state);

      expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/gave-way' } });
      expect(world.running()).toEqual(['core/auth@1.0.0']);
      expect(await deployer.quarantine()).toEqual([]);
      expect(world.disk.journal).toBeNull();
    },
  );

  it.each(['stopping', 'switching', 'starting', 'verifying', 'soaking'] as const)(
    'while it is %s, a deployment goes on to its end',
    async (state) => {
      const { world, record } = await askedIn(state);

      expect(record.state).toBe('committed');
      expect(world.running()).toEqual(['core/auth@1.1.0']);
    },
  );

  it('while it waits for what it needs from elsewhere, a deployment ends at once', async () => {
    const world = createWorld({});
    world.behaviours.set('core/auth@1.1.0', 'far away');
    const { deployer } = world.boot();
    await deployer.recover();
    const deploy = async (to: typeof OLD) =>
      deployer.deploy({
        ...to,
        plan: planOf(await deployer.current(), to),
        ...{ actor: 'agent', stillAllowed: async () => true },
      });
    await deploy(OLD);

    const waiting = deploy(NEW);
    await until(async () => deployer.inProgress()?.state === 'preflight');
    deployer.giveWay('sha256:another');

    expect(await waiting).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/gave-way' } });
    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });

  it('cuts a long soak down to five minutes', async () => {
    const { record } = await askedIn('soaking', { soakMs: HOUR_MS });

    expect(record.state).toBe('committed');
    expect(soakOf(record)).toBe(5 * 60_000);
  });

  it('for its own plan, takes no notice', async () => {
    const { record } = await askedIn('fetching', { samePlan: true });

    expect(record.state).toBe('committed');
  });
});

function soakOf({ stages }: DeploymentRecord): number {
  const at = (state: DeploymentState) => instantMs(stages.find((one) => one.state === state)?.at ?? '');
  return at('committed') - at('soaking');
}
