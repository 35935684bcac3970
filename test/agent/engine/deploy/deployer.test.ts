// The engine as a whole, asked from outside: what can be asked at any time, how often it looks, and what it hears of its own trouble.
import { describe, expect, it } from 'vitest';
import { auth, instanceWith } from '../../../support/deploy-instance.ts';
import { API, AUTH, deployableOf, releaseOf, WEB } from '../../../support/deploy-releases.ts';
import { createWorld, deploy, type World } from '../../../support/deploy-world.ts';
import { rejectionOf } from '../../../support/error-code.ts';

const TWO = deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' });
const entry = (component: string, more: object = {}) => ({
  ...{
    component: component as never,
    release: 'r',
    version: '1.0.0',
    since: '2026-01-31T09:00:00Z',
    reason: 'red',
    record: 1,
  },
  ...more,
});

describe('health', () => {
  it('is asked of every component, once each, with the state of its service', async () => {
    const { world, deployer, calls } = await instanceWith(TWO);
    world.behaviours.set('core/web@1.0.0', 'red');

    expect(await deployer.health()).toEqual([
      { component: AUTH, status: { kind: 'running', pid: world.pidOf(AUTH) }, health: 'healthy' },
      { component: WEB, status: { kind: 'running', pid: world.pidOf(WEB) }, health: 'unhealthy' },
    ]);
    expect(calls.filter(({ port }) => port === 'prober.probe')).toHaveLength(2);
  });

  it('is unhealthy of one that has ended, and unknown of one whose settings cannot be read', async () => {
    const settings = { settings: { token: { type: 'string' } } };
    const secret = deployableOf(
      { [AUTH]: releaseOf(AUTH, '1.0.0', settings), [WEB]: '1.0.0' },
      { [AUTH]: { token: '${env:TOKEN}' } },
    );
    const world = createWorld();
    world.secrets.set('TOKEN', 'hunter2');
    const { deployer } = world.boot();
    await deploy(deployer, secret);
    world.secrets.clear();
    world.crashService(WEB);

    expect(await deployer.health()).toEqual([
      { component: AUTH, status: { kind: 'running', pid: world.pidOf(AUTH) }, health: 'unknown' },
      { component: WEB, status: { kind: 'exited', detail: 'exit status 1' }, health: 'unhealthy' },
    ]);
  });

  it('is nobody’s on an empty instance, and where what runs cannot be read', async () => {
    const empty = createWorld().boot().deployer;
    expect([await empty.health(), await empty.current(), await empty.generations()]).toEqual([[], null, []]);

    const { world, deployer } = await instanceWith(TWO);
    world.disk.generations.clear();
    expect(await deployer.health()).toEqual([]);
    expect((await rejectionOf(deployer.current())).code).toBe('deploy/generation-damaged');
  });
});

describe('quarantine', () => {
  it('is what is held now: neither what is over nor what a wrong clock wrote', async () => {
    const { world, deployer } = await instanceWith(TWO);
    const [held, over, ahead] = [
      entry(AUTH, { until: '2030-01-01T00:00:00Z' }),
      entry(WEB, { until: '2026-01-31T09:30:00Z' }),
      entry(API, { since: '2029-01-01T00:00:00Z', until: '2030-01-01T00:00:00Z' }),
    ];
    world.disk.quarantine = [held, over, ahead, entry(WEB)];

    expect(await deployer.quarantine()).toEqual([held, entry(WEB)]);
    expect(await deployer.quarantineDamage()).toBeNull();
  });

  it('is lifted of one component, every release of it', async () => {
    const { world, deployer } = await instanceWith(TWO);
    world.disk.quarantine = [entry(AUTH), entry(WEB), entry(AUTH, { release: 'other' })];

    await deployer.releaseFromQuarantine(AUTH);

    expect(world.disk.quarantine).toEqual([entry(WEB)]);
  });
});

describe('the log of a service', () => {
  it('is that of now where nobody says which', async () => {
    const { deployer } = await instanceWith(TWO);

    expect(await deployer.logs(WEB)).toEqual(['log of core/web with hunter2\ufffd']);
  });
});

describe('supervision', () => {
  async function supervised(world: World, ms: number, faults?: Parameters<World['boot']>[0]) {
    const { deployer, calls } = world.boot(faults);
    const ended = new AbortController();
    const supervision = deployer.supervise(ended.signal);
    await world.clock.sleep(ms);
    ended.abort();
    await supervision;
    return calls.filter(({ port }) => port === 'journal.read').length;
  }

  it('looks every two seconds', async () => {
    const { world } = await instanceWith(TWO);

    expect(await supervised(world, 19_000)).toBe(10);
    expect(world.warnings).toEqual([]);
  });

  it('looks half a minute later where it could not read its disk, and says so each time', async () => {
    const { world } = await instanceWith(TWO);

    expect(await supervised(world, 89_000, ({ port }) => (port === 'journal.read' ? 'fail' : 'none'))).toBe(
      3,
    );
    expect(world.warnings).toHaveLength(3);
    expect(world.warnings).toEqual(Array(3).fill(new Error('the machine refuses')));
  });

  it('starts what is down, and hears of housekeeping that fails', async () => {
    const { world } = await instanceWith(TWO);
    world.crashService(WEB);

    await supervised(world, 70_000, ({ port }) => (port === 'driver.maintain' ? 'fail' : 'none'));

    expect(world.running()).toEqual(['core/auth@1.0.0', 'core/web@1.0.0']);
    expect(world.warnings.length).toBeGreaterThan(0);
  });

  it('of an agent that goes starts nothing more', async () => {
    const { world, deployer } = await instanceWith(TWO);
    await deployer.leave();
    world.crashService(WEB);

    await deployer.recover();

    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });

  it('begins no work of its own while a deployment is under way, and its records are told to everybody who listens', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    const told: string[][] = [[], []];
    for (const list of told) deployer.onRecord(({ state }) => void list.push(state));

    await deploy(deployer, auth('1.1.0'));

    expect(told[0]).toEqual(told[1]);
    expect(told[0]?.at(-1)).toBe('committed');
    expect(deployer.inProgress()).toBeNull();
    expect(world.running()).toEqual(['core/auth@1.1.0']);
  });
});
