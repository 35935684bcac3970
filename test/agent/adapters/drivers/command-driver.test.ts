// The command driver with a vendor's commands made of shell: the contract of all drivers, and what is its own.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCommandDriver } from '../../../../agent/adapters/drivers/command/command-driver.ts';
import { readProcess } from '../../../../agent/adapters/machine/process-table.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import type { Driver, UnitOf } from '../../../../agent/ports/deploy.ts';
import { COMPONENT, describeDriver, type Program, until } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';

const PROGRAMS: Record<Program, string> = {
  steady: 'echo ready; exec sleep 1000',
  stubborn: 'trap "" TERM; echo ready; while :; do sleep 1; done',
  crashing: 'sleep 0.1; echo 3 > "$HOME/ended"; exit 3',
  missing: '',
};

/** Leaves the service behind, as an init script does. */
const START = 'sh -c "$SERVICE" & echo $! > "$HOME/pid"';
/** What has ended may wait a while for its parent to notice. */
const ALIVE = 'alive() { grep -q "^State:.[^ZX]" "/proc/$(cat "$HOME/pid")/status" 2>/dev/null; }';
const STATUS = `${ALIVE}; alive && exit 0; echo "ended with $(cat "$HOME/ended" 2>/dev/null)"; exit 1`;
const STOP = `${ALIVE}; kill "$(cat "$HOME/pid")"; while alive; do sleep 0.02; done`;

function createHarness() {
  const stateDir = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  const runtimeDirectory = join(stateDir, 'runtime');
  const workingDirectory = join(stateDir, 'tree');
  mkdirSync(workingDirectory);
  const driver = (clock = systemClock) => createCommandDriver({ stateDir, runtimeDirectory, clock });
  const shell = (script: string) => ['sh', '-c', script];
  return {
    stateDir,
    runtimeDirectory,
    driver,
    unit: (program: Program, identity: string): UnitOf<'command'> => ({
      kind: 'command',
      component: COMPONENT,
      start: program === 'missing' ? ['./no-such-program'] : shell(START),
      stop: shell(STOP),
      status: shell(STATUS),
      env: { SERVICE: PROGRAMS[program] },
      user: null,
      workingDirectory,
      dataDirectory: join(stateDir, 'data'),
      startTimeoutMs: 5000,
      stopTimeoutMs: 5000,
      statusTimeoutMs: 5000,
      identity,
    }),
    async dispose() {
      await driver().stop(COMPONENT, 100);
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

describeDriver('the command driver', async () => createHarness());

describe('the command driver', () => {
  let harness: ReturnType<typeof createHarness>;
  let driver: Driver<UnitOf<'command'>>;
  const shell = (script: string) => ['sh', '-c', script];

  beforeEach(() => {
    harness = createHarness();
    driver = harness.driver();
  });
  afterEach(() => harness.dispose());

  it('ends a start that takes too long, with everything it began', async () => {
    const unit = {
      ...harness.unit('steady', 'v1'),
      start: shell('echo waiting; sleep 1000'),
      startTimeoutMs: 200,
    };

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.code).toBe('service/start-failed');
    expect(refusal.message).toContain('waiting');
    expect(await driver.runs(unit)).toBe(false);
  });

  it('tries a start that failed again', async () => {
    const unit = harness.unit('steady', 'v1');
    await rejectionOf(driver.start({ ...unit, start: shell('exit 1') }));

    await driver.start(unit);

    expect(await driver.runs(unit)).toBe(true);
  });

  it('does not run one version beside another', async () => {
    await driver.start(harness.unit('steady', 'v1'));

    const refusal = await rejectionOf(driver.start(harness.unit('steady', 'v2')));

    expect(refusal.code).toBe('service/start-failed');
    expect(await driver.runs(harness.unit('steady', 'v1'))).toBe(true);
  });

  it('says stuck, and goes on knowing the service, when its status never says that it ended', async () => {
    const unit = {
      ...harness.unit('steady', 'v1'),
      status: shell(`[ -e "$HOME/mute" ] && exit 4; ${STATUS}`),
    };
    const mute = join(unit.dataDirectory, 'mute');
    const impatient = harness.driver({ ...systemClock, monotonic: () => 100 * performance.now() });
    await impatient.start(unit);
    writeFileSync(mute, '');

    const outcome = await impatient.stop(COMPONENT, 100);

    expect(outcome).toBe('stuck');
    expect(await driver.status(COMPONENT)).toMatchObject({ detail: expect.stringContaining('unknown') });
    rmSync(mute);
  });

  it('gives the commands nothing of the agent and keeps what it remembers to the agent’s account', async () => {
    process.env.AGENT_SECRET = 'not for services';
    const unit = { ...harness.unit('steady', 'v1'), start: shell(`env > "$HOME/env"; ${START}`) };

    await driver.start(unit);

    expect(readFileSync(join(unit.dataDirectory, 'env'), 'utf8')).not.toContain('AGENT_SECRET');
    for (const name of readdirSync(harness.runtimeDirectory)) {
      expect(statSync(join(harness.runtimeDirectory, name)).mode & 0o777).toBe(0o600);
    }
    delete process.env.AGENT_SECRET;
  });

  it('does not believe what it remembers from before a boot', async () => {
    const unit = harness.unit('steady', 'v1');
    await driver.start(unit);
    const path = join(harness.runtimeDirectory, 'core.auth.command.json');
    const written = readFileSync(path, 'utf8');
    writeFileSync(path, written.replace(/"boot":"[^"]*"/, '"boot":"another"'));

    const status = await driver.status(COMPONENT);

    expect(status).toEqual({ kind: 'absent' });
    writeFileSync(path, written);
  });

  it.each(['status', 'stop'] as const)('ends what its %s leaves in a session of its own', async (which) => {
    const unit = harness.unit('steady', 'v1');
    const [, , script = ''] = unit[which];
    const leaving = shell(`setsid sleep 1000 & echo $! > "$HOME/left"; ${script}`);
    await driver.start({ ...unit, [which]: leaving });
    await driver.status(COMPONENT);

    await driver.stop(COMPONENT, 500);

    const left = Number(readFileSync(join(unit.dataDirectory, 'left'), 'utf8'));
    expect(await readProcess(left)).toBeNull();
  });

  it('keeps what the service writes after its start command has ended', async () => {
    const unit = {
      ...harness.unit('steady', 'v1'),
      env: { SERVICE: 'sleep 0.3; echo late; exec sleep 1000' },
    };

    await driver.start(unit);

    await until(async () => (await driver.logs(COMPONENT, 100)).includes('late'));
  });
});
