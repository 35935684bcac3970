// A service's log while no agent runs: read where its driver left it, with the discretion that the agent has.
import { resolve } from 'node:path';
import { instantMs } from '../shared/encoding/instant.ts';
import { createSecrets } from '../shared/encoding/redact.ts';
import { FairleadError } from '../shared/errors/error.ts';
import type { LogsRequest } from '../shared/protocol/upkeep.ts';
import { createDrivers } from './adapters/drivers/drivers.ts';
import { createTraffic, switchCommand } from './adapters/drivers/traffic/traffic.ts';
import { startCommand } from './adapters/machine/agent-unit.ts';
import { systemClock as clock, readReference } from './adapters/machine/surroundings.ts';
import { createDeploymentStore } from './adapters/state/deployment-store.ts';
import { socketPathOf } from './adapters/state/state-directory.ts';
import { createTreeStore } from './adapters/tree-store/tree-store.ts';
import { withDiscreetServices } from './engine/deploy/discreet.ts';
import { readLog } from './engine/deploy/read-log.ts';

/**
 * Writes nothing, and takes no lock. Where a secret of the service cannot be read, nothing of its log is shown.
 * Errors: service/no-log, change/no-log, setting/unreadable, disk/*.
 */
export async function readLogsAtRest(directory: string, request: LogsRequest): Promise<readonly string[]> {
  const stateDir = resolve(directory);
  const { component, change, since } = request;
  const fetchPack = () => {
    throw new FairleadError('agent/not-running', {
      socket: socketPathOf(stateDir),
      start: startCommand(stateDir),
    });
  };
  const trees = createTreeStore({ stateDir, fetchPack });
  const driver = createDrivers({ stateDir, clock });
  const sources = withDiscreetServices({
    // A generation that cannot be read has secrets that nobody knows.
    store: createDeploymentStore({ stateDir, treeDirectoryOf: trees.directoryOf, onDamage: refuse }),
    trees,
    driver,
    traffic: createTraffic({ stateDir, driver, command: switchCommand() }),
    readReference,
    secrets: createSecrets(),
    clock,
    onWarning: refuse,
  });
  const from = since === undefined ? undefined : instantMs(since);
  return readLog(sources, component, { change, since: from });
}

function refuse(error: unknown): never {
  throw error;
}
