// What preflight finds before anything stops.
import { describe, expect, it } from 'vitest';
import { auth, FORCED, instanceWith, quarantined } from '../../../support/deploy-instance.ts';
import { AUTH, deployableOf, releaseOf, WEB } from '../../../support/deploy-releases.ts';
import { besides } from '../../../support/deploy-scenarios.ts';
import { deploy } from '../../../support/deploy-world.ts';

describe('preflight', () => {
  it('blocks an update of what is unhealthy already, and blames nobody', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.0.0', 'red');

    const record = await deploy(deployer, auth('1.1.0'));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/unhealthy-before' } });
    expect(await quarantined(deployer)).toEqual([]);
  });

  it('goes on when a person accepts it, and does not roll back for what was red before', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.0.0', 'red');
    world.behaviours.set('core/auth@1.1.0', 'red');

    const record = await deploy(deployer, auth('1.1.0'), { acceptUnhealthy: true });

    expect(record.state).toBe('committed');
  });

  it('stops nothing that could not be started again, unless a person accepts it or a hole is to be closed', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.0.0', 'unready');

    const refused = await deploy(deployer, auth('1.1.0'));
    const running = world.running();
    const accepted = await deploy(deployer, auth('1.1.0'), { acceptDrift: true });
    world.behaviours.set('core/auth@1.1.0', 'unready');
    const forced = await deploy(deployer, auth('1.2.0'), { reason: FORCED });

    expect(refused).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/way-back-unready' } });
    expect(running).toEqual(['core/auth@1.0.0']);
    expect([accepted.state, forced.state]).toEqual(['committed', 'committed']);
    expect(await quarantined(deployer)).toEqual([]);
  });

  it('remembers what came from registries for all that it prepared, and how long that took', async () => {
    const { world, deployer } = await instanceWith(deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' }));
    for (const name of ['core/auth@1.1.0', 'core/web@1.1.0']) world.behaviours.set(name, 'pulled');

    const record = await deploy(deployer, deployableOf({ [AUTH]: '1.1.0', [WEB]: '1.1.0' }));
    const next = await deploy(deployer, deployableOf({ [AUTH]: '1.2.0', [WEB]: '1.1.0' }));

    expect(record).toMatchObject({ state: 'committed', pulled: { bytes: 10_000, ms: 40 } });
    expect(next).not.toHaveProperty('pulled');
  });

  it.each<[string, 'pulled' | 'unready', boolean]>([
    ['deploy/no-longer-allowed', 'pulled', false],
    ['deploy/way-back-unready', 'unready', true],
  ])('remembers that too where it ends with %s', async (code, before, allowed) => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.0.0', before);
    world.behaviours.set('core/auth@1.1.0', 'pulled');

    const record = await deploy(deployer, auth('1.1.0'), { allowed });

    const pulled = { bytes: 5_000, ms: 20 };
    expect(record).toMatchObject({ state: 'abandoned', failure: { code }, pulled });
  });

  it('goes back from what could not be started again', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'), auth('1.1.0'));
    world.behaviours.set('core/auth@1.1.0', 'unready');

    const record = await deployer.rollback({ reason: 'it is slow', actor: 'sam' });

    expect(record.state).toBe('committed');
  });

  it('does not hold an unhealthy neighbour against the update', async () => {
    const { world, deployer } = await instanceWith(deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' }));
    world.behaviours.set('core/web@1.0.0', 'red');

    const record = await deploy(deployer, deployableOf({ [AUTH]: '1.1.0', [WEB]: '1.0.0' }));

    expect(record.state).toBe('committed');
  });

  it('finds a stranger on the address of what is to be installed', async () => {
    const { world, deployer } = await instanceWith();
    world.strangers.add('auth.test:80');

    const record = await deploy(deployer, auth('1.0.0'));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/address-taken' } });
  });

  it('finds a stranger in the free slot, for which the next version is not to blame', async () => {
    const { world, deployer } = await instanceWith(besides('1.0.0'));
    world.strangers.add('127.0.0.1:8002');

    const record = await deploy(deployer, besides('1.1.0'));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/address-taken' } });
    expect(await quarantined(deployer)).toEqual([]);
  });

  it.each([
    [
      'is refused where a neighbour that stays answers',
      'channel',
      '1.0.0',
      'abandoned',
      'deploy/address-shared',
    ],
    ['is taken where the neighbour moves as well', 'channel', '1.1.0', 'committed', undefined],
    ['holds no forced patch up', 'forced', '1.0.0', 'committed', undefined],
  ] as const)('an update that moves to another address %s', async (_, kind, web, state, code) => {
    const { deployer } = await instanceWith(deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' }));
    const moved = releaseOf(AUTH, '1.1.0', { health: [{ http: 'http://web.test/', successes: 1 }] });
    const reason = kind === 'forced' ? FORCED : { kind };

    const record = await deploy(deployer, deployableOf({ [AUTH]: moved, [WEB]: web }), { reason });

    expect(record.state).toBe(state);
    expect(record.failure?.code).toBe(code);
    expect(await quarantined(deployer)).toEqual([]);
  });

  it('lets an update be asked where it always was, where another is asked as well', async () => {
    const behind = releaseOf(WEB, '1.0.0', { health: [{ http: 'http://auth.test/', successes: 1 }] });
    const both = (version: string) => deployableOf({ [AUTH]: version, [WEB]: behind });
    const { deployer } = await instanceWith(both('1.0.0'));

    expect(await deploy(deployer, both('1.1.0'))).toMatchObject({ state: 'committed' });
  });

  it('finds a disk with room but without inodes', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.disk.freeInodes = 10;

    const record = await deploy(deployer, auth('1.1.0'));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'disk/full' } });
  });

  it('finds a disk without room', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.disk.freeBytes = 1000;

    const record = await deploy(deployer, auth('1.1.0'));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'disk/full' } });
  });

  it.each([
    ['just enough of both', 8 << 20, 200, 'committed'],
    ['a byte too few', (8 << 20) - 1, 200, 'abandoned'],
    ['an inode too few', 8 << 20, 199, 'abandoned'],
  ])('takes a disk with %s for what it is', async (_what, bytes, inodes, state) => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.disk.freeBytes = bytes;
    world.disk.freeInodes = inodes;

    expect((await deploy(deployer, auth('1.1.0'))).state).toBe(state);
  });

  it.each([
    [
      'an unknown variable',
      { service: { driver: 'process', exec: ['serve', '${settings.nope}'] } },
      'deploy/unknown-variable',
    ],
    ['a setting without a value', { settings: { port: { type: 'integer' } } }, 'document/invalid'],
    [
      'a secret that cannot be read',
      { settings: { key: { type: 'string' } } },
      'setting/unreadable',
      { key: '${env:NOPE}' },
    ],
  ])('finds %s before anything stops', async (_, extras, code, settings: Record<string, string> = {}) => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    const pid = world.pidOf(AUTH);

    const record = await deploy(deployer, auth('1.1.0', extras, settings));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code } });
    expect(world.pidOf(AUTH)).toBe(pid);
  });

  it.each(['serve', 'preflight', 'snapshot', 'smoke', 'restore'])(
    'finds that the program %s is not there before anything stops',
    async (program) => {
      const { world, deployer } = await instanceWith(auth('1.0.0'));
      const pid = world.pidOf(AUTH);
      world.missing.add(program);

      const record = await deploy(deployer, auth('1.1.0'));

      expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'service/no-program' } });
      expect(world.pidOf(AUTH)).toBe(pid);
      expect(await quarantined(deployer)).toEqual([]);
    },
  );

  it.each([
    ['a NUL', 'a\0b'],
    ['a word longer than Linux takes', 'x'.repeat(30_000)],
  ])('finds that a setting makes a call hold %s', async (_, text) => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    const pid = world.pidOf(AUTH);
    const extras = {
      settings: { text: { type: 'string' } },
      service: { driver: 'process', exec: ['serve'], env: { TEXT: '${settings.text}'.repeat(5) } },
    };

    const record = await deploy(deployer, auth('1.1.0', extras, { text }));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'service/not-runnable' } });
    expect(world.pidOf(AUTH)).toBe(pid);
  });

  it('of a forced patch lets neither a red service nor a lost secret of the old version stop it', async () => {
    const settings = { token: { type: 'string' } };
    const { world } = await instanceWith();
    world.secrets.set('TOKEN', 'hunter2');
    const { deployer } = world.boot();
    await deploy(deployer, auth('1.0.0', { settings }, { token: '${env:TOKEN}' }));
    world.secrets.clear();
    world.behaviours.set('core/auth@1.0.0', 'red');

    const record = await deploy(deployer, auth('1.1.0'), { reason: FORCED });

    expect(record.state).toBe('committed');
  });

  it('reads nothing that a release asks for: its text is handed over as it is', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.secrets.set('TOKEN', 'hunter2');
    const settings = { stolen: { type: 'string', default: '${env:TOKEN}' } };
    const service = { driver: 'process', exec: ['serve', '${settings.stolen}'] };

    const record = await deploy(deployer, auth('1.1.0', { settings, service }));

    expect(record.state).toBe('committed');
    expect(world.unitOf(AUTH)).toMatchObject({ exec: ['serve', '${env:TOKEN}'] });
  });
});
