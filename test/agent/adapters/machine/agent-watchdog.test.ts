// An agent that hangs, under a real service manager: it is ended, started again, and what it was doing ends all the same.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createProcessDriver } from '../../../../agent/adapters/drivers/process/process-driver.ts';
import { showUnit } from '../../../../agent/adapters/drivers/systemd/systemctl.ts';
import { installAgent, uninstallAgent } from '../../../../agent/adapters/machine/agent-service.ts';
import { AGENT_UNIT } from '../../../../agent/adapters/machine/agent-unit.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import { enroll } from '../../../../agent/adapters/server/enroller.ts';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { createAuditFile } from '../../../../agent/adapters/state/audit-file.ts';
import { describeBooted } from '../../../support/booted.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { until } from '../../../support/driver-contract.ts';
import { startEnrolmentServer } from '../../../support/enrolment-server.ts';
import { freePort } from '../../../support/free-port.ts';
import { realInstance, realRelease, storeTree } from '../../../support/real-instance.ts';
import { updateTestedBy } from '../../../support/watched-instance.ts';

const UNIT_DIRECTORY = '/etc/systemd/system';
const here = (path: string) => new URL(`../../../../${path}`, import.meta.url).pathname;
const HANGS_ON_SIGNAL = here('test/support/hangs-on-signal.ts');
const CLI = here('agent/cli/main.ts');

// Each step waits for a program to start, on a machine that may be busy with others.
const PATIENCE_MS = 30_000;

describeBooted('an agent that hangs', import.meta.filename, () => {
  let stateDir: string;
  const install = (...words: readonly string[]) =>
    installAgent({ program: [process.execPath, ...words], stateDir, drivers: null }, async () => true);
  const agentPid = async () => (await showUnit(AGENT_UNIT)).mainPid;
  const nextAgentAfter = (pid: number) =>
    until(async () => ![0, pid].includes(await agentPid()), PATIENCE_MS);

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'state-'));
    // Nobody waits three minutes in a test.
    mkdirSync(`${UNIT_DIRECTORY}/${AGENT_UNIT}.d`, { recursive: true });
    writeFileSync(`${UNIT_DIRECTORY}/${AGENT_UNIT}.d/soon.conf`, '[Service]\nWatchdogSec=5\n');
  });
  afterEach(async () => {
    await uninstallAgent(stateDir);
    await createProcessDriver({ stateDir }).stop(AUTH, 100);
    rmSync(stateDir, { recursive: true, force: true });
  });

  it('is ended and started again, and the next one says so', { timeout: 3 * PATIENCE_MS }, async () => {
    const { string: text } = await startEnrolmentServer();
    await enroll({ stateDir, text, actor: 'root', http: createHttpClient() });
    const audit = createAuditFile(stateDir, systemClock);
    const starts = async () => (await audit.entries()).filter(({ event }) => event === 'agent-started');
    await install(CLI);
    await until(async () => (await starts()).length === 1, PATIENCE_MS);

    process.kill(await agentPid(), 'SIGSTOP');

    await until(async () => (await starts()).length === 2, PATIENCE_MS);
    expect((await starts()).map(({ details }) => details.previousEnd)).toEqual([null, 'watchdog']);
  });

  it.each([
    [
      'its loop blocked once',
      1,
      '[ -e "$HOME/once" ] || { touch "$HOME/once"; kill -USR2 $PPID; }',
      'committed',
      'auth 2.0.0',
    ],
    ['stopped at every attempt', 2, 'kill -STOP $PPID', 'rolled-back', 'auth 1.0.0'],
  ])(
    'in the middle of a deployment, %s, leaves it to the next',
    { timeout: 4 * PATIENCE_MS },
    async (_, kills, smoke, state, answer) => {
      const port = await freePort();
      const first = realRelease('1.0.0', port);
      for (const one of [first, updateTestedBy(port, smoke)]) await storeTree(stateDir, one);
      const { deployer, deploy } = realInstance(stateDir);
      expect(await deploy(first)).toMatchObject({ state: 'committed' });

      await install(
        '--import',
        HANGS_ON_SIGNAL,
        here('test/support/watched-instance.ts'),
        String(port),
        smoke,
      );
      for (let kill = 0; kill < kills; kill++) await nextAgentAfter(await agentPid());

      await until(async () => (await deployer.records())[1]?.state === state, PATIENCE_MS);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe(answer);
    },
  );
});
