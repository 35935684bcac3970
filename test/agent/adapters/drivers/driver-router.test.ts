// The router: one driver to the engine, the right one behind it for each unit, also when a capability changes its own.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCommandDriver } from '../../../../agent/adapters/drivers/command/command-driver.ts';
import { createDriverRouter } from '../../../../agent/adapters/drivers/driver-router.ts';
import { createProcessDriver } from '../../../../agent/adapters/drivers/process/process-driver.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import type { Driver, ProgramUnit, ServiceUnit, UnitOf } from '../../../../agent/ports/deploy.ts';
import { COMPONENT, describeDriver, type Program, until } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';

const PROGRAMS: Record<Program, readonly string[]> = {
  steady: ['sh', '-c', 'echo ready; exec sleep 1000'],
  stubborn: ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'],
  crashing: ['sh', '-c', 'sleep 0.1; exit 3'],
  missing: ['./no-such-program'],
};

/** Real processes and commands; a fake stands where a manager would be needed. */
function createHarness() {
  const stateDir = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  const workingDirectory = join(stateDir, 'tree');
  mkdirSync(workingDirectory);
  const systemd = createFakeDriver();
  const driver = () =>
    createDriverRouter({
      process: createProcessDriver({ stateDir }),
      systemd,
      command: createCommandDriver({
        stateDir,
        runtimeDirectory: join(stateDir, 'runtime'),
        clock: systemClock,
      }),
      compose: createFakeDriver(),
      agent: createFakeDriver(),
    });
  const base = {
    component: COMPONENT,
    env: {},
    user: null,
    workingDirectory,
    dataDirectory: join(stateDir, 'data'),
    stopTimeoutMs: 1000,
  };
  const unit = (program: Program, identity: string): ProgramUnit => ({
    ...base,
    kind: 'process',
    exec: PROGRAMS[program],
    identity,
  });
  const command: UnitOf<'command'> = {
    ...base,
    kind: 'command',
    start: ['sh', '-c', 'setsid sleep 1000 & echo $! > "$HOME/pid"'],
    stop: ['sh', '-c', 'touch "$HOME/asked"; kill "$(cat "$HOME/pid")"'],
    status: ['sh', '-c', 'grep -q "^State:.[^ZX]" "/proc/$(cat "$HOME/pid")/status" || exit 3'],
    startTimeoutMs: 5000,
    statusTimeoutMs: 5000,
    identity: 'c1',
  };
  return {
    stateDir,
    driver,
    systemd,
    unit,
    command,
    async dispose() {
      await driver().stop(COMPONENT, 100);
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

describeDriver('the driver router', async () => createHarness());

describe('the driver router', () => {
  let harness: ReturnType<typeof createHarness>;
  let driver: Driver;

  beforeEach(() => {
    harness = createHarness();
    driver = harness.driver();
  });
  afterEach(() => harness.dispose());

  it('starts a unit with the driver it names, and no other', async () => {
    await driver.start({ ...harness.unit('steady', 's1'), kind: 'systemd' });

    expect(harness.systemd.running()?.identity).toBe('s1');
    expect(await driver.status(COMPONENT)).toEqual({ kind: 'running', pid: 1 });
    expect(await driver.runs(harness.unit('steady', 's1'))).toBe(false);
  });

  it('stops what another agent process started with another driver', async () => {
    await driver.start(harness.command);
    const next = harness.driver();
    const before = await next.status(COMPONENT);

    const outcome = await next.stop(COMPONENT, 2000);

    expect(before).toEqual({ kind: 'running', pid: null });
    expect(outcome).toBe('stopped');
    expect(existsSync(join(harness.stateDir, 'data', 'asked'))).toBe(true);
    expect(await driver.status(COMPONENT)).toEqual({ kind: 'absent' });
  });

  it('leaves no trace of the driver before when a capability changes its driver', async () => {
    await driver.start({ ...harness.unit('steady', 's1'), kind: 'systemd' });

    await driver.start(harness.unit('steady', 'p1'));

    expect(harness.systemd.running()).toBeNull();
    expect(await driver.runs(harness.unit('steady', 'p1'))).toBe(true);
    await until(async () => (await driver.logs(COMPONENT, 100)).includes('ready'));
  });

  it('starts nothing beside what cannot be stopped', async () => {
    await driver.start({ ...harness.unit('steady', 's1'), kind: 'systemd' });
    harness.systemd.makeStuck();

    const refusal = await rejectionOf(driver.start(harness.unit('steady', 'p1')));

    expect(refusal.code).toBe('service/stuck');
    expect(await driver.runs(harness.unit('steady', 'p1'))).toBe(false);
  });
});

interface FakeDriver extends Driver<never> {
  running(): ServiceUnit | null;
  /** From here on it runs whatever is done to it. */
  makeStuck(): void;
}

function createFakeDriver(): FakeDriver {
  let unit: ServiceUnit | null = null;
  let stuck = false;
  return {
    running: () => unit,
    makeStuck: () => {
      stuck = true;
    },
    prepare: async () => undefined,
    keepOnly: async () => undefined,
    start: async (started: ServiceUnit) => {
      unit = started;
    },
    stop: async () => {
      if (stuck) return 'stuck';
      unit = null;
      return 'stopped';
    },
    status: async () => (unit === null ? { kind: 'absent' } : { kind: 'running', pid: 1 }),
    runs: async (asked: ServiceUnit) => unit?.identity === asked.identity,
    exited: async () => undefined,
    logs: async () => '',
    ranOnce: async () => [],
    maintain: async () => undefined,
  };
}
