// Blue-green on a real machine: versions change under load, and no request fails.
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProcessDriver } from '../../../../agent/adapters/process-driver.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from '../../../support/deploy-releases.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { freePort } from '../../../support/free-port.ts';
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

  /** Stored and ready to deploy. A broken one answers, but not what its probe waits for. */
  async function release(version: string, broken = false): Promise<Deployable> {
    const integer = { type: 'integer' };
    const document = releaseOf(AUTH, version, {
      service: {
        driver: 'process',
        exec: [process.execPath, 'server.cjs', version],
        env: { PORT: '${settings.port}' },
        blueGreen: { public: 'port', slots: ['blue', 'green'] },
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

  it('changes its version under load without a failed request, also when the new one stays aside', async () => {
    const { deployer, deploy, warnings } = realInstance(stateDir);
    await deploy(await release('1.0.0'));
    const load = startLoad(ports.port);

    const updated = await deploy(await release('1.1.0'));
    const broken = await deploy(await release('1.2.0', true));
    const back = await deployer.rollback({ reason: 'a test', actor: 'ada' });
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
    expect(warnings).toEqual([]);
  });

  it('leaves only the version that serves, and the switch outlives the agent', async () => {
    await realInstance(stateDir).deploy(await release('1.0.0'));
    const before = switchPid(stateDir);
    const next = realInstance(stateDir);
    await next.deployer.recover();
    await next.deploy(await release('1.1.0'));
    await next.deployer.recover();

    const driver = createProcessDriver({ stateDir });
    expect((await driver.status(AUTH)).kind).toBe('absent');
    expect((await driver.status(`${AUTH}.green` as ComponentKey)).kind).toBe('running');
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

function switchPid(stateDir: string): number {
  return JSON.parse(readFileSync(join(stateDir, 'run/core.auth.traffic.json'), 'utf8')).pid;
}

/** Clients of every patience, each request on a connection of its own. */
function startLoad(port: number) {
  const answers: string[] = [];
  const failures: string[] = [];
  let stopped = false;
  const client = async (wait: number) => {
    while (!stopped) {
      await ask(`http://127.0.0.1:${port}/?wait=${wait}`).then(
        (text) => answers.push(text),
        (error: Error) => failures.push(error.message),
      );
    }
  };
  const clients = [10, 20, 40, 80, 160].map(client);
  return {
    async stop() {
      stopped = true;
      await Promise.all(clients);
      return { answers, failures };
    },
  };
}

function ask(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    }).on('error', reject);
  });
}
