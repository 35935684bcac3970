// What deployments need of this machine: every port of their engine, made for one state directory.
import { durationMs, instantMs } from '../../shared/encoding/instant.ts';
import type { Secrets } from '../../shared/encoding/redact.ts';
import { effectivePolicy } from '../../shared/policy/local-state.ts';
import type { DriverName } from '../ports/deploy.ts';
import type { Clock, Log, OwnProcess } from '../ports/machine.ts';
import type { Settings, TreeStore } from '../ports/state.ts';
import { createVolumes } from './drivers/compose/volumes.ts';
import { createDrivers, runtimeDirectoryOf } from './drivers/drivers.ts';
import { createTraffic, switchCommand } from './drivers/traffic/traffic.ts';
import { findProgram } from './machine/find-program.ts';
import { createProber } from './machine/run-command.ts';
import { readReference } from './machine/surroundings.ts';
import { createDeploymentStore } from './state/deployment-store.ts';
import { createJournal } from './state/journal.ts';

export interface DeploymentPortsOptions {
  readonly stateDir: string;
  readonly settings: Settings;
  readonly trees: TreeStore;
  readonly clock: Clock;
  /** As in DriversOptions. */
  readonly own?: OwnProcess | undefined;
  readonly log: Log;
  readonly secrets: Secrets;
  /** Overrides the policy's. */
  readonly soakMs: number | undefined;
  /** Which may be asked to run something new; every one where it is undefined. */
  readonly drivers?: readonly DriverName[] | undefined;
}

export async function createDeploymentPorts(options: DeploymentPortsOptions) {
  const { stateDir, settings, trees, clock, log, secrets } = options;
  const driver = createDrivers({ stateDir, clock, own: options.own, enabled: options.drivers });
  const policy = effectivePolicy({ policy: await settings.policy() });
  return {
    store: createDeploymentStore({
      stateDir,
      treeDirectoryOf: trees.directoryOf,
      onDamage: (err) => log.error({ err }, 'a deployment on disk cannot be read'),
    }),
    journal: createJournal({ stateDir }),
    trees,
    driver,
    prober: createProber(),
    clock,
    readReference,
    findProgram,
    secrets,
    traffic: createTraffic({ stateDir, driver, command: switchCommand() }),
    volumes: createVolumes({ stateDir, runtimeDirectory: runtimeDirectoryOf(stateDir) }),
    soakMs: async () =>
      options.soakMs ?? durationMs(effectivePolicy({ policy: await settings.policy() }).soak),
    probationMs: () => probationOf(settings, clock),
    retention: { ...policy.retention, bytes: policy.retention.bytes ?? Number.POSITIVE_INFINITY },
    onWarning: (err: unknown) => log.warn({ err }, 'beside a deployment'),
  };
}

/** While a person asked for nothing to change, or nobody knows what they asked for, nothing is undone by itself. */
async function probationOf(settings: Settings, clock: Clock): Promise<number> {
  const state = await settings.policy();
  if (state.kind !== 'readable') return 0;
  const { hold, emergencyHold, probation } = state.policy;
  const held = [hold, emergencyHold].some((one) => one !== undefined && clock.now() < instantMs(one.until));
  return held ? 0 : durationMs(probation);
}
