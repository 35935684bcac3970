// Blue-green on a real machine: versions change under load, and no request fails.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProcessDriver } from '../../../../agent/adapters/process-driver.ts';
import type { Deployer } from '../../../../agent/ports/deployer.ts';
import { isFairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from '../../../support/deploy-releases.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { until } from '../../../support/driver-contract.ts';
import { freePort } from '../../../support/free-port.ts';
import { startLoad } from '../../../support/http-load.ts';
import { realInstance, storeTree } from '../../../support/real-instance.ts';

describe('a blue-green capability', () => {
  let stateDir: string;
  let ports: { readonly port: number; readonly blue: number; readonly green: number };

  beforeEach(async () => {
    stateDir = temporaryDirectory();
    ports = { port: await freePort(), blue: await freePort(), green: await freePort() };
  });
  afterEach(async () => {
    const driver = createProcessDriver({ stateDir });
    for (const suffix of ['', '.green', '.traffic'])
      await driver.stop(`${AUTH}${suffix}` as ComponentKey, 1_000);
  });

  /** Stored and ready to deploy. A broken one answers, but not what its probe waits for; a weak one is soon sick. */
  async function release(version: string, kind?: 'broken' | 'weak'): Promise<Deployable> {
    const broken = kind === 'broken';
    const integer = { type: 'integer' };
    const document = releaseOf(AUTH, version, {
      service: {
        driver: 'process',
        exec: [process.execPath, 'server.cjs', version, ...(kind === 'weak' ? ['3'] : [])],
        env: { PORT: '${settings.port}' },
        blueGreen: { public: 'port', slots: ['blue', 'green'], drain: 'PT2S' },
      },
      settings: { port: integer, blue: integer, green: integer },
      health: [
        {
          http: 'http://127.0.0.1:${settings.port}/',
          contains: broken ? 'something else' : `auth ${version}`,
          startPeriod: broken ? 'PT1S' : 'PT10S',
          interval: 'PT0S',
          successes: 2,
          failures: 3,
        },
      ],
      smoke: [],
      hooks: {},
    });
    const deployable = deployableOf({ [AUTH]: document }, { [AUTH]: ports });
    await storeTree(stateDir, deployable);
    return deployable;
  }

  async function statusOf(slot: '' | '.green'): Promise<string> {
    return (await createProcessDriver({ stateDir }).status(`${AUTH}${slot}` as ComponentKey)).kind;
  }

  it('changes its version under load without a failed request, also when the new one stays aside', async () => {
    const { deployer, deploy, warnings } = realInstance(stateDir);
    await deploy(await release('1.0.0'));
    const load = startLoad(ports.port);

    const updated = await deploy(await release('1.1.0'));
    const broken = await deploy(await release('1.2.0', 'broken'));
    const back = await deployer.rollback({ reason: 'a test', actor: 'ada' });
    await superviseUntil(deployer, async () => (await statusOf('.green')) === 'absent');
    const { answers, failures } = await load.stop();

    expect([updated, broken, back].map(({ state }) => state)).toEqual([
      'committed',
      'rolled-back',
      'committed',
    ]);
    expect(failures).toEqual([]);
    expect([...new Set(answers)]).toEqual(['auth 1.0.0', 'auth 1.1.0']);
    expect(answers.at(-1)).toBe('auth 1.0.0');
    expect(answers.length).toBeGreaterThan(100);
    // Clients that keep their connection and never rest are told by the service itself.
    expect(new Set(warnings.map(codeOf))).toEqual(new Set(['deploy/connections-cut']));
  });

  it('returns from a version that falls sick under load without a failed request', async () => {
    const { deploy, warnings } = realInstance(stateDir, { soakMs: 20_000 });
    await realInstance(stateDir).deploy(await release('1.0.0'));
    const load = startLoad(ports.port);

    const weak = await deploy(await release('1.1.0', 'weak'));
    const { answers, failures } = await load.stop();

    expect(weak).toMatchObject({ state: 'rolled-back', failure: { code: 'deploy/unhealthy' } });
    expect(failures).toEqual([]);
    expect([...new Set(answers)].sort()).toEqual(['auth 1.0.0', 'auth 1.1.0']);
    expect(answers.at(-1)).toBe('auth 1.0.0');
    expect(warnings).toEqual([]);
  });

  it('ends a connection that outlasts its time, and its record says so', async () => {
    const { deployer, deploy } = realInstance(stateDir);
    await deploy(await release('1.0.0'));
    const socket = connect(ports.port, '127.0.0.1').resume();
    await once(socket, 'connect');
    const gone = once(socket, 'close');

    const { id } = await deploy(await release('1.1.0'));
    await superviseUntil(deployer, async () => (await cutIn(deployer, id)) !== undefined);
    await gone;

    expect(await cutIn(deployer, id)).toBe(1);
    expect(await statusOf('')).toBe('absent');
  });

  it('leaves only the version that serves, and the switch outlives the agent', async () => {
    await realInstance(stateDir).deploy(await release('1.0.0'));
    const before = switchPid(stateDir);
    const next = realInstance(stateDir);
    await next.deployer.recover();
    await next.deploy(await release('1.1.0'));
    await next.deployer.recover();

    expect([await statusOf(''), await statusOf('.green')]).toEqual(['absent', 'running']);
    expect(switchPid(stateDir)).toBe(before);
    expect(await next.deployer.health()).toMatchObject([{ component: AUTH, health: 'healthy' }]);
  });

  it('is not started where two of its ports are the same', async () => {
    ports = { ...ports, green: ports.blue };

    const record = await realInstance(stateDir).deploy(await release('1.0.0'));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/no-port' } });
  });

  it('is not started where a stranger has its public port', async () => {
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(ports.port, '127.0.0.1', resolve));

    const record = await realInstance(stateDir).deploy(await release('1.0.0'));
    stranger.close();

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/address-taken' } });
  });
});

function codeOf(warning: unknown): string {
  return isFairleadError(warning) ? warning.code : String(warning);
}

async function superviseUntil(deployer: Deployer, condition: () => Promise<boolean>): Promise<void> {
  const supervision = new AbortController();
  const supervised = deployer.supervise(supervision.signal);
  await until(condition);
  supervision.abort();
  await supervised;
}

async function cutIn(deployer: Deployer, id: number): Promise<number | undefined> {
  return (await deployer.records()).find((record) => record.id === id)?.cutConnections;
}

function switchPid(stateDir: string): number {
  return JSON.parse(readFileSync(join(stateDir, 'run/core.auth.traffic.json'), 'utf8')).pid;
}
