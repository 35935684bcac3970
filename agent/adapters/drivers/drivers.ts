// Every driver this agent has, joined into one.
import { join, resolve } from 'node:path';
import type { Driver, DriverName } from '../../ports/deploy.ts';
import type { Clock } from '../../ports/machine.ts';
import { DEFAULT_STATE_DIR } from '../state/state-directory.ts';
import { createCommandDriver } from './command/command-driver.ts';
import { createComposeDriver } from './compose/compose-driver.ts';
import { createDriverRouter, type Drivers } from './driver-router.ts';
import { createProcessDriver } from './process/process-driver.ts';
import { createSystemdDriver } from './systemd/systemd-driver.ts';

export interface DriversOptions {
  readonly stateDir: string;
  readonly clock: Clock;
  /** Which may be asked to run something new; every one unless given. */
  readonly enabled?: readonly DriverName[] | undefined;
}

/** None touches its manager before it has something to run: a machine without systemd or docker lacks nothing. */
export function createDrivers({ stateDir, clock, enabled }: DriversOptions): Driver {
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
  };
  return createDriverRouter(drivers, enabled);
}

/** An installed agent keeps its services' environments, secrets included, in memory only. */
function runtimeDirectoryOf(stateDir: string): string {
  return resolve(stateDir) === DEFAULT_STATE_DIR ? '/run/fairlead-services' : join(stateDir, 'run');
}
