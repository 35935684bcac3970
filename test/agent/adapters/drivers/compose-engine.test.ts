import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDrivers } from '../../../../agent/adapters/drivers/drivers.ts';
import { showUnit } from '../../../../agent/adapters/drivers/systemd/systemctl.ts';
import { installAgent, uninstallAgent } from '../../../../agent/adapters/machine/agent-service.ts';
import { AGENT_UNIT } from '../../../../agent/adapters/machine/agent-unit.ts';
import { runTool } from '../../../../agent/adapters/machine/run-tool.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { describeBooted } from '../../../support/booted.ts';
import { lackOf, makeKiller, run } from '../../../support/compose-engine.ts';
import { useEngine } from '../../../support/compose-on-engine.ts';
import { storeContainers } from '../../../support/confined-containers.ts';
import { startPolling } from '../../../support/containers-beside.ts';
import { COMPONENT, until } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { freePorts } from '../../../support/side-by-side.ts';

const lack = lackOf('classic');
if (lack === null) {
  describeBooted('the compose driver on a real engine', import.meta.filename, onEngine);
} else {
  describe('the compose driver on a real engine', () => {
    it('keeps every promise of this file', ({ skip }) => skip(lack));
  });
}

const CONFINED = new URL('../../../support/confined-containers.ts', import.meta.url).pathname;
const BESIDE = new URL('../../../support/containers-beside.ts', import.meta.url).pathname;
const AGENT = new URL('../../../support/compose-agent.ts', import.meta.url).pathname;
const STUBBORN = 'trap "" TERM; while :; do sleep 1; done';

function onEngine(): void {
  const { engine, setUp, removeImage, containers } = useEngine('classic');

  it('deploys and goes back under the strict unit of the agent, which reaches no container', {
    timeout: 90_000,
  }, async () => {
    const stateDir = mkdtempSync('/srv/state-');
    onTestFinished(async () => {
      await uninstallAgent(stateDir);
      run('docker', 'rm', '--force', 'fairlead_core_auth-web-1');
      rmSync(stateDir, { recursive: true });
    });
    storeContainers(stateDir, engine().image);
    const program = [process.execPath, CONFINED, engine().image.digest];

    await installAgent({ program, stateDir, drivers: ['compose'] }, async () => true);
    await until(async () => existsSync(join(stateDir, 'outcome-3.0.0')), 60_000);

    const outcomes = ['1.0.0', '2.0.0', '3.0.0'].map((version) =>
      readFileSync(join(stateDir, `outcome-${version}`), 'utf8').trim(),
    );
    expect(outcomes).toEqual(['committed', 'committed', expect.stringMatching(/^rolled-back .*exit/)]);
    const { Config, State } = JSON.parse(run('docker', 'inspect', 'fairlead_core_auth-web-1'))[0];
    expect([State.Running, Config.Cmd.at(-1)]).toEqual([true, expect.stringContaining('sleep 2000')]);
    // As the manager has loaded it, and as the kernel has been told.
    const agent = (await showUnit(AGENT_UNIT)).mainPid;
    const exposure = run('systemd-analyze', 'security', '--no-pager', AGENT_UNIT);
    expect(Number(/exposure level for .*: ([\d.]+)/.exec(exposure)?.[1])).toBeLessThanOrEqual(3.0);
    const confined = (pid: number) =>
      /^NoNewPrivs:\s(\d)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    expect([confined(agent), confined(State.Pid)]).toEqual(['1', '0']);
  });

  it('changes versions side by side, and back, under the strict unit of the agent, without a gap for a client that asks every 50 ms', {
    timeout: 90_000,
  }, async () => {
    const stateDir = mkdtempSync('/srv/state-');
    const ports = await freePorts();
    onTestFinished(async () => {
      await uninstallAgent(stateDir);
      for (const key of [`${COMPONENT}`, `${COMPONENT}.green`, `${COMPONENT}.traffic`])
        await createDrivers({ stateDir, clock: systemClock }).stop(key as ComponentKey, 1000);
      run('docker', 'volume', 'rm', 'fairlead_core_auth_data');
      rmSync(stateDir, { recursive: true });
    });
    const program = [process.execPath, BESIDE, JSON.stringify(ports)];
    const outcome = async (number: number) => {
      const path = join(stateDir, `outcome-${number}`);
      await until(async () => existsSync(path), 30_000);
      return readFileSync(path, 'utf8').trim();
    };

    await installAgent({ program, stateDir, drivers: ['compose'] }, async () => true);
    const outcomes = [await outcome(0)];
    const keeper = () => run('pgrep', '--full', '--list-full', '--uid', 'nobody', 'agent switch');
    const before = keeper();
    const client = startPolling(ports.port);
    for (const number of [1, 2]) {
      run('systemctl', 'restart', AGENT_UNIT);
      outcomes.push(await outcome(number));
    }
    const answers = await client.stop();

    expect(outcomes).toEqual(['committed', 'committed', 'committed']);
    expect([...new Set(answers.map((text) => text.replace(/\d+$/, '')))]).toEqual([
      'hello from 1.0.0, start ',
      'hello from 1.1.0, start ',
    ]);
    expect(answers.at(-1)).toContain('from 1.0.0');
    expect(keeper()).toBe(before);
    expect(run('docker', 'volume', 'ls', '--quiet')).toBe('fairlead_core_auth_data');
    expect(run('docker', 'ps', '--format', '{{.Ports}}')).toContain(`127.0.0.1:${ports.blue}->80/tcp`);
  });

  it('counts an exit that the engine has already answered with a restart', async () => {
    const { driver, unitOf } = setUp();
    const script = '[ -e /data/go ] && exec sleep 1000; until [ -e /data/go ]; do sleep 0.1; done; exit 3';
    const web = { restart: 'always', command: ['sh', '-c', script], volumes: ['${DATA}:/data'] };
    const unit = unitOf({ web });
    await driver.start({ ...unit, env: { DATA: unit.dataDirectory } });
    writeFileSync(join(unit.dataDirectory, 'go'), '');
    const restarts = '{{.RestartCount}} {{.State.Status}}';
    await until(
      async () => run('docker', 'inspect', '--format', restarts, 'fairlead_core_auth-web-1') === '1 running',
    );

    await driver.exited(COMPONENT, new AbortController().signal);

    expect((await driver.status(COMPONENT)).kind).toBe('running');
  });

  it('stops services that wait for each other within one stop timeout, however stubborn', async () => {
    const { driver, unitOf } = setUp();
    const command = ['sh', '-c', STUBBORN];
    await driver.start(
      unitOf({
        a: { command },
        b: { command, depends_on: ['a'] },
        c: { command, depends_on: ['b'] },
        d: { command, depends_on: ['c'] },
      }),
    );
    const start = performance.now();

    const outcome = await driver.stop(COMPONENT, 6000);

    expect(outcome).toBe('killed');
    expect(containers()).toBe('');
    expect(performance.now() - start).toBeLessThan(4 * 6000);
  });

  it('stops a container that somebody paused', async () => {
    const { driver, unit } = setUp();
    await driver.start(unit('steady', 'v1'));
    run('docker', 'pause', 'fairlead_core_auth-web-1');

    await driver.stop(COMPONENT, 1000);

    expect(containers()).toBe('');
  });

  it('starts again a container that somebody paused', async () => {
    const { driver, unit } = setUp();
    const steady = unit('steady', 'v1');
    await driver.start(steady);
    run('docker', 'pause', 'fairlead_core_auth-web-1');

    await driver.start(steady);

    expect(await driver.runs(steady)).toBe(true);
  });

  it('makes anew what waited, where somebody tidied the engine up', async () => {
    const { driver, unit } = setUp();
    const waiting = () => run('docker', 'ps', '--all', '--quiet', '--filter', 'status=created');
    await driver.start(unit('steady', 'v1'));
    const next = unit('steady', 'v2');
    await driver.prepare(next);
    const before = waiting();
    run('docker', 'container', 'prune', '--force');
    const after = waiting();
    await driver.stop(COMPONENT, 5000);

    await driver.start(next);

    expect([before === '', after]).toEqual([false, '']);
    expect(await driver.runs(next)).toBe(true);
  });

  it('stops what runs although its compose file was broken by hand', async () => {
    const { driver, unit } = setUp();
    const steady = unit('steady', 'v1');
    await driver.start(steady);
    writeFileSync(steady.file, 'services: [');

    expect(await driver.stop(COMPONENT, 5000)).toBe('stopped');
    expect(containers()).toBe('');
  });

  it('removes the networks of a project with it, and keeps its volumes', async () => {
    const { driver, unitOf } = setUp();
    const networks = () => run('docker', 'network', 'ls', '--quiet', '--filter', 'name=fairlead');
    const web = { command: ['sleep', '1000'], network_mode: undefined, init: true, volumes: ['data:/data'] };

    await driver.start(unitOf({ web }, { volumes: { data: {} } }));
    const during = networks();
    await driver.stop(COMPONENT, 5000);

    expect([during === '', networks()]).toEqual([false, '']);
    expect(run('docker', 'volume', 'ls', '--quiet')).toBe('fairlead_core_auth_data');
    run('docker', 'volume', 'rm', 'fairlead_core_auth_data');
  });

  it('leaves another capability of the same engine and image alone', async () => {
    const { driver, unit } = setUp();
    const other = { ...unit('steady', 'v1'), component: 'core/auth-2' as ComponentKey };
    await driver.start(unit('steady', 'v1'));
    await driver.start(other);

    await driver.stop(COMPONENT, 5000);

    expect(await driver.runs(other)).toBe(true);
    await driver.stop(other.component, 5000);
  });

  it('runs no plug-in that a container has put into its data directory', async () => {
    const { driver, unit, stateDir } = setUp();
    const steady = unit('steady', 'v1');
    const plugins = join(steady.dataDirectory, '.docker', 'cli-plugins');
    mkdirSync(plugins, { recursive: true });
    writeFileSync(join(plugins, 'docker-compose'), `#!/bin/sh\ntouch ${stateDir}/escaped\n`, { mode: 0o755 });

    await driver.start(steady);

    expect(existsSync(join(stateDir, 'escaped'))).toBe(false);
  });

  it('lets a release neither choose the engine nor fetch a compose file from elsewhere', async () => {
    const { driver, unit } = setUp();
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    let calls = 0;
    server.on('connection', () => calls++);
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const env = { DOCKER_HOST: `tcp://127.0.0.1:${port}`, COMPOSE_EXPERIMENTAL_OCI_REMOTE: 'true' };
    const remote = unit('steady', 'v1');
    writeFileSync(remote.file, JSON.stringify({ include: [`oci://127.0.0.1:${port}/compose`] }));

    const refusal = await rejectionOf(driver.start({ ...remote, env }));
    await driver.start({ ...unit('steady', 'v1'), env });

    expect([refusal.code, calls]).toEqual(['service/start-failed', 0]);
  });

  it.each([
    ['no archive at all', () => Buffer.alloc(100_000, 'x')],
    ['one that was cut', (whole: Buffer) => whole.subarray(0, whole.length / 2)],
  ])('refuses an archive that is %s, and runs nothing', async (_, spoil) => {
    const { driver, unit, stateDir } = setUp();
    const archive = join(stateDir, 'image.tar');
    writeFileSync(archive, spoil(readFileSync(engine().image.archive)));
    const digest = `sha256:${'0'.repeat(64)}`;
    const images = [{ archive, digest }];

    const refusal = await rejectionOf(driver.start({ ...unit('steady', 'v1'), images }));

    expect([refusal.code, containers()]).toEqual(['service/start-failed', '']);
  });

  it('says that the disk is full where an image finds no room, and starts once there is some', async () => {
    const { driver, unit } = setUp();
    removeImage();
    const giveBack = engine().fillDisk();

    const refusal = await rejectionOf(driver.start(unit('steady', 'v1')));
    giveBack();
    await driver.start(unit('steady', 'v1'));

    expect(refusal.code).toBe('disk/full');
    expect(await driver.runs(unit('steady', 'v1'))).toBe(true);
  });

  it.each(['load', 'create', 'up', 'stop', 'down'])('survives a kill of the agent in %s', async (word) => {
    const { driver, stateDir, unit } = setUp();
    const steady = unit('steady', 'v1');
    removeImage();
    const path = `${makeKiller(join(stateDir, 'killer'), word)}:${process.env.PATH}`;

    const agent = await runTool({
      argv: [process.execPath, AGENT, stateDir, JSON.stringify(steady)],
      env: { PATH: path },
      workingDirectory: '/',
      timeoutMs: 20_000,
    });
    await driver.stop(COMPONENT, 5000);
    await driver.keepOnly(COMPONENT, null);
    await until(async () => !run('ps', '-e', '-o', 'args').includes('docker compose'));

    expect(agent.detail).toContain('killed by SIGKILL');
    expect(containers()).toBe('');
    await driver.start(steady);
    expect(await driver.runs(steady)).toBe(true);
  });
}
