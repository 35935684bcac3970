// How far the agent's unit confines it, under a real service manager: as far as it can be, and no service with it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDrivers } from '../../../../agent/adapters/drivers/drivers.ts';
import { unitNameOf } from '../../../../agent/adapters/drivers/systemd/unit-file.ts';
import { installAgent, uninstallAgent } from '../../../../agent/adapters/machine/agent-service.ts';
import { AGENT_UNIT, driversIn, renderAgentUnit } from '../../../../agent/adapters/machine/agent-unit.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import type { DriverName } from '../../../../agent/ports/deploy.ts';
import { UNIT_DIRECTORY } from '../../../../shared/node/service/manager.ts';
import { describeBooted } from '../../../support/booted.ts';
import { releaseRunBy } from '../../../support/confined-instance.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { until } from '../../../support/driver-contract.ts';
import { storeTree } from '../../../support/real-instance.ts';

const STAND_IN = new URL('../../../support/confined-instance.ts', import.meta.url).pathname;
const CONFINED: readonly DriverName[] = ['systemd', 'compose'];
const PATIENCE_MS = 60_000;
/** Ports below 1024 are root's. */
const PORTS: Readonly<Record<string, number>> = { root: 81, nobody: 8081 };

/** What a service may well do, and what each of the lines that confine would forbid it. */
const NEEDY = `const { execFileSync: run } = require('node:child_process');
const said = (program, ...words) => run(program, words, { encoding: 'utf8' }).trim();
run('install', ['-m', '4755', '/usr/bin/id', process.env.HOME + '/id']);
require('node:fs').writeFileSync(process.env.HOME + '/facts', [
  said('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.env.HOME + '/id', '-u'),
  said('unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt && stat -f -c %T /mnt'),
  said('chrt', '--fifo', '1', 'echo', 'realtime'),
  said('stat', '-c', '%a', process.env.HOME + '/id'),
].join(' '));`;

function mainPidOf(unit: string): string {
  return spawnSync('systemctl', ['show', '-P', 'MainPID', unit], { encoding: 'utf8' }).stdout.trim();
}

describeBooted('the agent’s unit', import.meta.filename, () => {
  let stateDir: string;
  const written = (name: string) => readFileSync(join(stateDir, name), 'utf8').trim();

  beforeEach(() => {
    stateDir = mkdtempSync('/srv/state-');
  });
  afterEach(async () => {
    await uninstallAgent(stateDir);
    await createDrivers({ stateDir, clock: systemClock }).stop(AUTH, 100);
    rmSync(stateDir, { recursive: true, force: true });
  });

  async function updateUnder(drivers: readonly DriverName[] | null, driver: string, user: string) {
    const port = PORTS[user] ?? 0;
    for (const version of ['1.0.0', '2.0.0']) {
      await storeTree(stateDir, releaseRunBy(driver, version, port, user === 'root' ? {} : { user }));
    }
    const tree = spawnSync('sh', ['-c', `echo ${stateDir}/store/trees/*/files`], {
      encoding: 'utf8',
    }).stdout.trim();
    for (const directory of tree.split(' ')) {
      const file = join(directory, 'server.cjs');
      if (user === 'root') writeFileSync(file, `${NEEDY}\n${readFileSync(file, 'utf8')}`);
    }
    const addition = join(UNIT_DIRECTORY, `${AGENT_UNIT}.d`);
    mkdirSync(addition, { recursive: true });
    writeFileSync(join(addition, 'secrets.conf'), '[Service]\nLoadCredential=key:/srv/key\n');
    writeFileSync('/srv/key', 'opensesame\n', { mode: 0o600 });
    const program = [process.execPath, STAND_IN, driver, user, String(port)];
    await installAgent({ program, stateDir, drivers }, async () => true);
    await until(async () => existsSync(join(stateDir, 'outcome-2.0.0')), PATIENCE_MS);
    return [written('outcome-1.0.0'), written('outcome-2.0.0')];
  }

  it.each([
    ['is exposed to 3.0 at most where services run elsewhere', CONFINED, 3.0],
    ['hides nothing of its services where they run inside it', null, 10],
  ])('%s', (_, drivers, most) => {
    const path = `/srv/${AGENT_UNIT}`;
    const unit = renderAgentUnit({
      program: ['/usr/local/bin/fairlead'],
      stateDir: '/var/lib/fairlead',
      drivers,
    });
    writeFileSync(path, unit);

    const verdict = spawnSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', path], {
      encoding: 'utf8',
    });
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });

    expect(Number(/exposure level for .*: ([\d.]+)/.exec(verdict.stdout)?.[1])).toBeLessThanOrEqual(most);
    expect(verified.stderr.replaceAll(/.*not executable.*\n/g, '')).toBe('');
    expect(driversIn(unit)).toEqual(drivers);
  });

  it('lets a confined agent install and update units of systemd, with programs run as their account', {
    timeout: 2 * PATIENCE_MS,
  }, async () => {
    expect(await updateUnder(CONFINED, 'systemd', 'nobody')).toEqual(['committed', 'committed']);

    expect(await (await fetch(`http://127.0.0.1:${PORTS.nobody}/`).catch(() => null))?.text()).toBe(
      'auth 2.0.0',
    );
    const pid = mainPidOf(AGENT_UNIT);
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^NoNewPrivs:\s1$/m);
    expect(spawnSync('nsenter', ['-t', pid, '-m', 'touch', '/etc/hosts']).status).not.toBe(0);
    expect(readFileSync(`/proc/${mainPidOf(unitNameOf(AUTH))}/environ`, 'utf8')).toContain(
      'KEY=opensesame\0',
    );
  });

  it('lets services of its own do what a program of the machine may do', {
    timeout: 2 * PATIENCE_MS,
  }, async () => {
    expect(await updateUnder(null, 'process', 'root')).toEqual(['committed', 'committed']);

    expect(written('data/core/auth/facts')).toBe('0 tmpfs realtime 4755');
  });
});
