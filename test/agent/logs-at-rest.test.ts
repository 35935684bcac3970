// Logs while no agent runs: the same lines, as discreet, and nothing is written to find them.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDrivers } from '../../agent/adapters/drivers/drivers.ts';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import { readLogsAtRest } from '../../agent/logs-at-rest.ts';
import { AUTH, deployableOf, releaseOf } from '../support/deploy-releases.ts';
import { describeDirectory, temporaryDirectory } from '../support/directories.ts';
import { rejectionOf } from '../support/error-code.ts';
import { realInstance, treeDirectory } from '../support/real-instance.ts';

const SECRET = 'canary-7f3a91bc';
const TELL = `echo "with $SECRET"; printf 'red \\033[31m\\n'; exec sleep 600`;

async function deployed() {
  const stateDir = temporaryDirectory();
  const secretFile = join(stateDir, 'canary');
  writeFileSync(secretFile, `${SECRET}\n`, { mode: 0o600 });
  const driver = createDrivers({ stateDir, clock: systemClock });
  onTestFinished(async () => void (await driver.stop(AUTH, 100)));
  const instance = realInstance(stateDir, { driver: driver as never });
  await instance.deployer.recover();
  const deploy = async (version: string, secret: string) => {
    const release = releaseOf(AUTH, version, {
      settings: { secret: { type: 'string', secret: true } },
      service: { driver: 'process', exec: ['sh', '-c', TELL], env: { SECRET: '${settings.secret}' } },
      health: [],
      smoke: [],
      hooks: {},
    });
    mkdirSync(treeDirectory(stateDir, release.document.tree.digest), { recursive: true });
    const record = await instance.deploy(deployableOf({ [AUTH]: release }, { [AUTH]: { secret } }));
    expect(record.state).toBe('committed');
  };
  await deploy('1.0.0', `\${file:${secretFile}}`);
  return { stateDir, secretFile, driver, deploy };
}

describe('a log while no agent runs', () => {
  it('is shown without a secret and without what a terminal obeys', async () => {
    const { stateDir } = await deployed();
    const before = describeDirectory(stateDir);

    const lines = await readLogsAtRest(stateDir, { component: AUTH });

    expect(lines).toEqual(['with •••', 'red \ufffd[31m']);
    expect(describeDirectory(stateDir)).toEqual(before);
  });

  it('hides also what an earlier generation kept secret in the same log', async () => {
    const { stateDir, deploy } = await deployed();
    await deploy('1.0.1', 'canary-of-the-next');
    await deploy('1.0.2', 'canary-of-the-last');

    expect(await readLogsAtRest(stateDir, { component: AUTH })).toEqual(
      Array.from({ length: 3 }, () => ['with •••', 'red \ufffd[31m']).flat(),
    );
  });

  it('is shown also when its service runs no more', async () => {
    const { stateDir, driver } = await deployed();
    await driver.stop(AUTH, 1_000);

    expect(await readLogsAtRest(stateDir, { component: AUTH })).toContain('with •••');
  });

  it('is not shown where a secret of it cannot be read', async () => {
    const { stateDir, secretFile } = await deployed();
    rmSync(secretFile);

    expect((await rejectionOf(readLogsAtRest(stateDir, { component: AUTH }))).code).toBe(
      'setting/unreadable',
    );
  });

  it('is not shown where nobody knows the settings of what ran', async () => {
    const { stateDir } = await deployed();
    for (const path of Object.keys(describeDirectory(stateDir))) {
      if (/generations\/.*\.json$/.test(path)) writeFileSync(join(stateDir, path), '{}');
    }

    expect(JSON.stringify(await readLogsAtRest(stateDir, { component: AUTH }).catch(String))).not.toContain(
      SECRET,
    );
  });

  it('says so where there never was one', async () => {
    const { stateDir } = await deployed();

    expect((await rejectionOf(readLogsAtRest(stateDir, { component: 'core/atuh' as never }))).code).toBe(
      'service/no-log',
    );
  });
});
