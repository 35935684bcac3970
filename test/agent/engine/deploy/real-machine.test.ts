// The engine on a real disk with real processes: updates, fails, rolls back, and is killed in the middle.
import { spawn } from 'node:child_process';
import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProcessDriver } from '../../../../agent/adapters/drivers/process/process-driver.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { until } from '../../../support/driver-contract.ts';
import { freePort } from '../../../support/free-port.ts';
import { realInstance, realRelease, storeTree } from '../../../support/real-instance.ts';

const PROGRAM = new URL('../../../support/real-instance.ts', import.meta.url).pathname;

describe('the engine on a real machine', () => {
  let stateDir: string;
  let port: number;

  const answer = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      (response) => response.text(),
      () => 'nothing',
    );

  beforeEach(async () => {
    stateDir = temporaryDirectory();
    port = await freePort();
    for (const version of ['1.0.0', '1.1.0']) await storeTree(stateDir, realRelease(version, port));
  });
  afterEach(async () => {
    await createProcessDriver({ stateDir }).stop(AUTH, 1_000);
  });

  it('installs, updates, rolls back what fails, and rolls back by hand', async () => {
    const { deployer, deploy, warnings } = realInstance(stateDir);
    await deployer.recover();

    const installed = await deploy(realRelease('1.0.0', port));
    const updated = await deploy(realRelease('1.1.0', port));
    const afterUpdate = await answer();
    await storeTree(stateDir, realRelease('1.2.0', port, true));
    const failed = await deploy(realRelease('1.2.0', port, true));
    const afterFailure = await answer();
    const { checks, interruptionMs } = await deployer.rehearse();
    const back = await deployer.rollback({ reason: 'a test', actor: 'ada' });

    expect([installed, updated, failed, back].map((record) => record.state)).toEqual([
      'committed',
      'committed',
      'rolled-back',
      'committed',
    ]);
    expect(checks.filter(({ problem }) => problem !== null)).toEqual([]);
    expect(interruptionMs).toBeGreaterThan(0);
    expect(failed.failure).toMatchObject({ code: 'deploy/unhealthy' });
    expect([afterUpdate, afterFailure, await answer()]).toEqual(['auth 1.1.0', 'auth 1.1.0', 'auth 1.0.0']);
    expect(await readlink(join(stateDir, 'current'))).toBe('generations/1');
    expect(await deployer.health()).toMatchObject([{ health: 'healthy' }]);
    expect(warnings).toEqual([]);
  });

  it('ends old or new when the agent is killed at any moment', async () => {
    await realInstance(stateDir).deploy(realRelease('1.0.0', port));
    for (const afterMs of [0, 120, 300]) {
      const before = (await realInstance(stateDir).deployer.current())?.manifest.components[0]?.version;
      const next = before === '1.0.0' ? '1.1.0' : '1.0.0';

      await killDuringDeployment(next, afterMs);
      const { deployer } = realInstance(stateDir);
      await deployer.recover();

      const record = (await deployer.records()).at(-1);
      const current = (await deployer.current())?.manifest.components[0]?.version;
      expect(['committed', 'abandoned']).toContain(record?.state);
      expect(await answerOnce(answer, `auth ${current}`)).toBe(`auth ${current}`);
    }
  });

  /** Counts from when the deployment has left its first trace. */
  async function killDuringDeployment(version: string, afterMs: number): Promise<void> {
    const known = (await realInstance(stateDir).deployer.records()).length;
    const agent = spawn(process.execPath, [PROGRAM, stateDir, version, String(port)], { stdio: 'ignore' });
    const exit = new Promise((resolve) => agent.once('exit', resolve));
    await until(async () => (await realInstance(stateDir).deployer.records()).length > known);
    await delay(afterMs);
    agent.kill('SIGKILL');
    await exit;
  }
});

/** What is answered, once it is what is expected or time is over. */
async function answerOnce(ask: () => Promise<string>, expected: string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await ask()) === expected) return expected;
    await delay(20);
  }
  return ask();
}
