// Blue-green under a real systemd: two units and a switch, which outlive the agent, a kill and a boot.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSystemdDriver } from '../../../../agent/adapters/drivers/systemd/systemd-driver.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { describeBooted } from '../../../support/booted.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { until } from '../../../support/driver-contract.ts';
import { startLoad } from '../../../support/http-load.ts';
import { realInstance } from '../../../support/real-instance.ts';
import { freePorts, type Health, type Ports, sideBySide } from '../../../support/side-by-side.ts';

const UNITS = '/etc/systemd/system';
const BLUE = 'fairlead-core.auth.service';
const GREEN = 'fairlead-core.auth.green.service';
const SWITCH = 'fairlead-core.auth.traffic.service';

describeBooted('a blue-green capability under systemd', import.meta.filename, () => {
  let stateDir: string;
  let ports: Ports;

  beforeEach(async () => {
    stateDir = temporaryDirectory();
    chmodSync(stateDir, 0o755);
    ports = await freePorts();
  });
  afterEach(async () => {
    for (const slot of ['', '.green', '.traffic'])
      await driver().stop(`${AUTH}${slot}` as ComponentKey, 1_000);
    rmSync(`${UNITS}/${BLUE}.d`, { recursive: true, force: true });
  });

  const environmentDirectory = () => join(stateDir, 'env');
  const driver = () =>
    createSystemdDriver({
      stateDir,
      unitDirectory: UNITS,
      environmentDirectory: environmentDirectory(),
      clock: systemClock,
    });
  const agent = () => realInstance(stateDir, { driver: driver() });

  const release = (version: string, health?: Health) =>
    sideBySide(stateDir, version, ports, health, { driver: 'systemd', user: 'daemon' });

  it('changes and keeps its version under load without a failed request', async () => {
    const { deploy } = agent();
    await deploy(await release('1.0.0'));
    const load = startLoad(ports.port);

    const updated = await deploy(await release('1.1.0'));
    const broken = await deploy(await release('1.2.0', 'broken'));
    const { answers, failures } = await load.stop();

    expect([updated.state, broken.state]).toEqual(['committed', 'rolled-back']);
    expect(failures).toEqual([]);
    expect([...new Set(answers)]).toEqual(['auth 1.0.0', 'auth 1.1.0']);
  });

  it('is two units under one account, each confined by what an operator added to the other', async () => {
    mkdirSync(`${UNITS}/${BLUE}.d`);
    writeFileSync(`${UNITS}/${BLUE}.d/override.conf`, '[Service]\nMemoryMax=300M\n');
    const { deploy, deployer } = agent();
    await deploy(await release('1.0.0'));

    await deploy(await release('1.1.0'));

    const limits = [BLUE, GREEN, SWITCH].map((unit) => show(unit, 'MemoryMax'));
    expect(limits).toEqual([`${300 << 20}`, `${300 << 20}`, 'infinity']);
    expect([BLUE, GREEN, SWITCH].map((unit) => show(unit, 'User'))).toEqual(['daemon', 'daemon', 'daemon']);
    expect(show(GREEN, 'NoNewPrivileges')).toBe('yes');
    // The route is not the account's to write.
    const { status } = spawnSync(
      'runuser',
      ['-u', 'daemon', '--', 'sh', '-c', 'rm -f route.json; touch new'],
      {
        cwd: join(stateDir, 'traffic/core.auth'),
      },
    );
    expect(status).not.toBe(0);
    await deployer.recover();
    expect(
      readdirSync(UNITS)
        .filter((name) => name.startsWith('fairlead-core.auth'))
        .sort(),
    ).toEqual([GREEN, `${GREEN}.d`, `${BLUE}.d`, SWITCH]);
  });

  it('is reachable again soon after its switch was killed, also while no agent runs', async () => {
    await agent().deploy(await release('1.0.0'));
    const before = show(SWITCH, 'MainPID');

    // Not by number: what does not run has 0, which is the group of this very test.
    expect(spawnSync('systemctl', ['kill', '--signal=KILL', SWITCH]).status).toBe(0);

    await until(async () => (await answer(ports.port)) === 'auth 1.0.0', 20_000);
    expect(show(SWITCH, 'MainPID')).not.toBe(before);
  });

  it('serves what it served before a boot', async () => {
    await agent().deploy(await release('1.0.0'));
    // What a boot leaves: unit files, and neither processes nor what lay in memory.
    spawnSync('systemctl', ['kill', '--signal=KILL', SWITCH, BLUE]);
    spawnSync('systemctl', ['stop', SWITCH, BLUE]);
    rmSync(environmentDirectory(), { recursive: true });

    const { deployer, warnings } = agent();
    await deployer.recover();

    await until(async () => (await answer(ports.port)) === 'auth 1.0.0');
    expect(warnings).toEqual([]);
    expect(await deployer.health()).toMatchObject([{ health: 'healthy' }]);
  });
});

function show(unit: string, property: string): string {
  return spawnSync('systemctl', ['show', '--value', `--property=${property}`, unit], {
    encoding: 'utf8',
  }).stdout.trim();
}

function answer(port: number): Promise<string> {
  return new Promise((resolve) => {
    get(`http://127.0.0.1:${port}/`, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    }).on('error', () => resolve(''));
  });
}
