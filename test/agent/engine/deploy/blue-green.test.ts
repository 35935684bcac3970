// Blue-green on a real machine: versions change under load, and no request fails.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProcessDriver } from '../../../../agent/adapters/drivers/process/process-driver.ts';
import type { Deployer } from '../../../../agent/ports/deploy.ts';
import { isFairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { until } from '../../../support/driver-contract.ts';
import { startLoad } from '../../../support/http-load.ts';
import { realInstance } from '../../../support/real-instance.ts';
import { freePorts, type Health, type Ports, sideBySide } from '../../../support/side-by-side.ts';

const DEPLOY = new URL('../../../support/side-by-side.ts', import.meta.url).pathname;

// Many programs start and stop here, each in its own time.
describe('a blue-green capability', { timeout: 60_000 }, () => {
  let stateDir: string;
  let ports: Ports;

  beforeEach(async () => {
    stateDir = temporaryDirectory();
    ports = await freePorts();
  });
  afterEach(async () => {
    const driver = createProcessDriver({ stateDir });
    for (const suffix of ['', '.green', '.traffic'])
      await driver.stop(`${AUTH}${suffix}` as ComponentKey, 1_000);
  });

  const release = (version: string, health?: Health) => sideBySide(stateDir, version, ports, health);

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
    expect(await realInstance(stateDir).deploy(await release('1.0.0'))).toMatchObject({ state: 'committed' });
    const before = switchPid(stateDir);
    const next = realInstance(stateDir);
    await next.deployer.recover();
    await next.deploy(await release('1.1.0'));
    await next.deployer.recover();

    expect([await statusOf(''), await statusOf('.green')]).toEqual(['absent', 'running']);
    expect(switchPid(stateDir)).toBe(before);
    expect(await next.deployer.health()).toMatchObject([{ component: AUTH, health: 'healthy' }]);
  });

  it.each([100, 500])('fails no request when its agent is killed %i ms into an update', async (ms) => {
    await realInstance(stateDir).deploy(await release('1.0.0'));
    const load = startLoad(ports.port);
    const words = [DEPLOY, stateDir, '1.1.0', JSON.stringify(ports)];
    const agent = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
    const journals = join(stateDir, 'journal');
    await until(async () => agent.exitCode !== null || readdirSync(journals).length > 0);
    await delay(ms);
    agent.kill('SIGKILL');

    const { deployer } = realInstance(stateDir);
    await deployer.recover();
    await superviseUntil(deployer, async () =>
      [await statusOf(''), await statusOf('.green')].includes('absent'),
    );
    const { answers, failures } = await load.stop();

    const current = (await deployer.current())?.manifest.components[0]?.version;
    expect(failures).toEqual([]);
    expect(answers.at(-1)).toBe(`auth ${current}`);
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
