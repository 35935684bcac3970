// What a failed deployment leaves: the old generation, quarantine, evidence.
import { describe, expect, it } from 'vitest';
import { rollbackBoundMs } from '../../../../shared/compile/declared-times.ts';
import { instantMs } from '../../../../shared/encoding/instant.ts';
import { auth, FORCED, instanceWith, quarantined } from '../../../support/deploy-instance.ts';
import { API, AUTH, deployableOf, planOf, releaseOf, WEB } from '../../../support/deploy-releases.ts';
import { deploy } from '../../../support/deploy-world.ts';

describe('a failed deployment', () => {
  it('quarantines the release that failed, and only that one', async () => {
    const { world, deployer } = await instanceWith(deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' }));
    world.behaviours.set('core/web@1.1.0', 'red');

    await deploy(deployer, deployableOf({ [AUTH]: '1.1.0', [WEB]: '1.1.0' }));

    expect(await quarantined(deployer)).toEqual(['core/web@1.1.0']);
    await deployer.releaseFromQuarantine(WEB);
    expect(await quarantined(deployer)).toEqual([]);
  });

  it('is no other for a forced patch: one that fails its gate is rolled back and quarantined', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.0.1', 'red');

    const record = await deploy(deployer, auth('1.0.1'), {
      reason: { kind: 'forced', advisories: ['FL-2026-0001'] },
    });

    expect(record).toMatchObject({ state: 'rolled-back', failure: { code: 'deploy/unhealthy' } });
    expect(world.running()).toEqual(['core/auth@1.0.0']);
    expect(await quarantined(deployer)).toEqual(['core/auth@1.0.1']);
  });

  it('calls a person when the old version does not get well again either', async () => {
    const { world } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.1.0', 'red');
    const { deployer } = world.boot(({ detail }) => {
      if (detail === 'entered rolling-back') world.behaviours.set('core/auth@1.0.0', 'red');
      return 'none';
    });

    const record = await deploy(deployer, auth('1.1.0'));

    expect(record).toMatchObject({ state: 'inconsistent', failure: { code: 'deploy/unhealthy' } });
  });

  it('suspects every changed release when a neighbour breaks', async () => {
    const quiet = (version: string) => releaseOf(API, version, { health: [] });
    const { world, deployer } = await instanceWith(
      deployableOf({ [AUTH]: '1.0.0', [API]: quiet('1.0.0'), [WEB]: '1.0.0' }),
    );
    world.behaviours.set('core/auth@1.1.0', 'breaks its neighbours');

    const record = await deploy(
      deployer,
      deployableOf({ [AUTH]: '1.1.0', [API]: quiet('1.1.0'), [WEB]: '1.0.0' }),
    );

    expect(record).toMatchObject({ state: 'rolled-back', failure: { code: 'deploy/unhealthy' } });
    expect(await quarantined(deployer)).toEqual(['core/api@1.1.0', 'core/auth@1.1.0']);
  });

  it('blames nobody when the machine had nothing left to ask with', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.1.0', 'starves the machine');

    const record = await deploy(deployer, auth('1.1.0'));

    expect(record).toMatchObject({ state: 'rolled-back', failure: { code: 'service/no-room' } });
    expect(await quarantined(deployer)).toEqual([]);
  });

  it('blames nobody when the journal could not be written, though the agent was killed in the end', async () => {
    const { world } = await instanceWith(auth('1.0.0'));
    const { deployer } = world.boot(({ port, detail }) =>
      `${port} ${detail}` === 'journal.append entered switching' ? 'fail' : 'none',
    );

    await expect(deploy(deployer, auth('1.1.0'))).rejects.toThrow();
    await expect(deployer.recover()).rejects.toThrow();
    const next = world.boot().deployer;
    await next.recover();

    expect((await next.records()).at(-1)).toMatchObject({
      state: 'rolled-back',
      failure: { code: 'deploy/interrupted' },
    });
    expect(await quarantined(next)).toEqual([]);
  });

  it('gives a target a second attempt when the surroundings were to blame, and no third', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.0.0', 'stuck');

    const first = await deploy(deployer, auth('1.1.0'));
    const afterFirst = await quarantined(deployer);
    const second = await deploy(deployer, auth('1.1.0'));

    expect([first.state, second.state]).toEqual(['rolled-back', 'rolled-back']);
    expect(afterFirst).toEqual([]);
    expect(await quarantined(deployer)).toEqual(['core/auth@1.1.0']);
  });

  it('rolls a forced patch back that fails its own gate, and does not force it again', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.1.0', 'red');

    const record = await deploy(deployer, auth('1.1.0'), { reason: FORCED });

    expect(record).toMatchObject({ state: 'rolled-back', failure: { code: 'deploy/unhealthy' } });
    expect(world.running()).toEqual(['core/auth@1.0.0']);
    expect(await quarantined(deployer)).toEqual(['core/auth@1.1.0']);
  });

  it('ends its rollback in time, also where the old version does not become healthy again', async () => {
    const { world } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.1.0', 'fails smoke');
    const { deployer } = world.boot(({ port }) => {
      if (port === 'driver.start') world.behaviours.set('core/auth@1.0.0', 'red');
      return 'none';
    });
    const from = await deployer.current();
    const to = auth('1.1.0');

    const record = await deploy(deployer, to);

    expect(record.state).toBe('inconsistent');
    const [begun, ended] = record.stages.slice(-2).map(({ at }) => instantMs(at));
    const bound = rollbackBoundMs(planOf(from, to), from, to);
    expect((ended ?? 0) - (begun ?? 0)).toBeLessThanOrEqual(3 * bound + 10_000);
  });

  it('refuses the same settings after they failed, until the quarantine is lifted', async () => {
    const declared = { settings: { port: { type: 'integer', default: 1 } } };
    const release = releaseOf(AUTH, '1.0.0', {
      ...declared,
      smoke: [{ exec: ['smoke', '${settings.port}'] }],
    });
    const { world, deployer } = await instanceWith(deployableOf({ [AUTH]: release }));
    const changed = deployableOf({ [AUTH]: release }, { [AUTH]: { port: 2 } });
    world.behaviours.set('core/auth@1.0.0', 'fails smoke');
    const record = await deploy(deployer, changed);

    await expect(deploy(deployer, changed)).rejects.toMatchObject({ code: 'deploy/quarantined' });

    expect(record.state).toBe('rolled-back');
    await deployer.releaseFromQuarantine(AUTH);
    world.behaviours.clear();
    expect((await deploy(deployer, changed)).state).toBe('committed');
  });

  it('keeps evidence from before the rollback, without secrets and control characters', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.secrets.set('KEY', 'hunter2');
    world.behaviours.set('core/auth@1.1.0', 'red');

    await deploy(deployer, auth('1.1.0', { settings: { key: { type: 'string' } } }, { key: '${env:KEY}' }));

    expect(world.disk.evidence).toEqual([
      {
        deployment: 2,
        at: expect.any(String),
        components: [
          {
            component: AUTH,
            status: 'running',
            health: 'core/auth did not become or stay healthy: HTTP 503',
            log: 'log of core/auth with •••\ufffd\n',
          },
        ],
      },
    ]);
  });

  it('does not go back from a version that may not be left once it has run, and calls a person', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.1.0', 'red');

    const record = await deploy(deployer, auth('1.1.0', { reversible: 'no' }));

    expect(record).toMatchObject({ state: 'inconsistent', failure: { code: 'deploy/irreversible' } });
    expect(world.running()).toEqual(['core/auth@1.1.0']);
    expect((await deployer.current())?.manifest.components[0]?.version).toBe('1.1.0');
  });

  it('restores the snapshot of a version that may be left only so', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.1.0', 'red');

    const record = await deploy(deployer, auth('1.1.0', { reversible: 'snapshot' }));

    expect(record.state).toBe('rolled-back');
    expect(world.commands).toEqual([
      'preflight core/auth@1.1.0',
      'snapshot core/auth@1.1.0',
      'restore core/auth@1.1.0',
    ]);
  });
});
