// Every driver this agent has, joined into one.
import { join, resolve } from 'node:path';
import type { Driver, DriverName } from '../../ports/deploy.ts';
import type { Clock, OwnProcess } from '../../ports/machine.ts';
import { createAgentSlots } from '../machine/agent-slots.ts';
import { createOwnProcess } from '../machine/own-process.ts';
import { DEFAULT_STATE_DIR } from '../state/state-directory.ts';
import { createAgentDriver } from './agent/agent-driver.ts';
import { createCommandDriver } from './command/command-driver.ts';
import { createComposeDriver } from './compose/compose-driver.ts';
import { createDriverRouter, type Drivers } from './driver-router.ts';
import { createProcessDriver } from './process/process-driver.ts';
import { createSystemdDriver } from './systemd/systemd-driver.ts';

export interface DriversOptions {
  readonly stateDir: string;
  readonly clock: Clock;
  /** Unless given, a process that nobody starts from slots: the agent itself is then not replaced. */
  readonly own?: OwnProcess | undefined;
  /** Which may be asked to run something new; every one unless given. */
  readonly enabled?: readonly DriverName[] | undefined;
}

const OUTSIDE = createOwnProcess({});

/** None touches its manager before it has something to run: a machine without systemd or docker lacks nothing. */
export function createDrivers({ stateDir, clock, own = OUTSIDE, enabled }: DriversOptions): Driver {
  const runtimeDirectory = runtimeDirectoryOf(stateDir);
  const drivers: Drivers = {
    process: createProcessDriver({ stateDir, clock }),
    systemd: createSystemdDriver({
      stateDir,
      unitDirectory: '/etc/systemd/system',
      environmentDirectory: runtimeDirectory,
      clock,
    }),
    command: createCommandDriver({ stateDir, runtimeDirectory, clock }),
    compose: createComposeDriver({ stateDir, runtimeDirectory, clock }),
    agent: createAgentDriver({ slots: createAgentSlots(stateDir), own, clock }),
  };
  return createDriverRouter(drivers, enabled);
}

/** An installed agent keeps its services' environments, secrets included, in memory only. */
export function runtimeDirectoryOf(stateDir: string): string {
  return resolve(stateDir) === DEFAULT_STATE_DIR ? '/run/fairlead-services' : join(stateDir, 'run');
}
