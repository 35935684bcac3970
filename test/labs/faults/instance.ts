// An instance of the laboratory: the real engine over the real adapters, on whatever disk the state directory is.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createVolumes } from '../../../agent/adapters/drivers/compose/volumes.ts';
import { createProcessDriver } from '../../../agent/adapters/drivers/process/process-driver.ts';
import { createTraffic } from '../../../agent/adapters/drivers/traffic/traffic.ts';
import { createProber } from '../../../agent/adapters/machine/run-command.ts';
import { createAuditFile } from '../../../agent/adapters/state/audit-file.ts';
import { createDeploymentStore } from '../../../agent/adapters/state/deployment-store.ts';
import { createJournal } from '../../../agent/adapters/state/journal.ts';
import { createSettings } from '../../../agent/adapters/state/settings.ts';
import { settleState } from '../../../agent/adapters/state/state-directory.ts';
import type { FetchPack } from '../../../agent/adapters/tree-store/downloads.ts';
import { createTreeStore } from '../../../agent/adapters/tree-store/tree-store.ts';
import { createLedger } from '../../../agent/engine/agent/ledger.ts';
import { createDeployer } from '../../../agent/engine/deploy/deployer.ts';
import type { DeployerParts } from '../../../agent/engine/deploy/options.ts';
import type { Driver } from '../../../agent/ports/deploy.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { createSecrets } from '../../../shared/encoding/redact.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Acknowledge } from './acknowledged.ts';
import { createLabClock } from './lab-clock.ts';
import type { Instance, Place, Scenario } from './laboratory.ts';
import { createMachine } from './machine.ts';
import { PACKS } from './releases.ts';
import { isSwitch, SWITCH } from './served.ts';

export interface InstanceOptions extends Place {
  readonly scenario: Scenario;
  readonly acknowledge?: Acknowledge;
  /** Packs come at once unless given. */
  readonly fetchPack?: FetchPack;
}

/** A new agent on the same disk: what it does at its start, it does here too. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  await makeDirectory(options.stateDir);
  await settleState(options.stateDir);
  const instance = await createInstance(options);
  await passTime(instance);
  // The agent goes on where what runs cannot be read: there is nothing to recover then.
  await instance.deployer.recover().catch((error: unknown) => {
    if (!isFairleadError(error, 'deploy/generation-damaged')) throw error;
    instance.warnings.push(error);
  });
  await instance.settled();
  return instance;
}

/** The machine's clock went on while no agent ran. */
async function passTime({ store, clock }: Instance): Promise<void> {
  const times = (await store.records()).flatMap(({ stages }) => stages.map(({ at }) => instantMs(at)));
  clock.advance(Math.max(0, ...times.map((at) => at - clock.now())) + 1_000);
}

async function createInstance(options: InstanceOptions): Promise<Instance> {
  const { stateDir, scenario, verifyAlive, acknowledge = () => undefined } = options;
  const warnings: unknown[] = [];
  const onWarning = (problem: unknown) => void warnings.push(problem);
  const clock = createLabClock(verifyAlive);
  const audit = createAuditFile(stateDir, clock);
  const trees = createTreeStore({
    stateDir,
    ...((await scenario.packs?.()) ?? { fetchPack: options.fetchPack ?? fetchPrepared }),
    diskSpace: async () => AMPLE_SPACE,
  });
  const treeDirectoryOf = trees.directoryOf;
  const store = {
    ...createDeploymentStore({ stateDir, treeDirectoryOf, onDamage: onWarning }),
    freeSpace: async () => ({ bytes: AMPLE_SPACE.freeBytes, inodes: AMPLE_SPACE.freeInodes }),
  };
  const ledger = createLedger({
    audit,
    settings: createSettings(stateDir, `${stateDir}/instance.json`),
    log: {
      info: () => undefined,
      warn: () => undefined,
      error: ({ err }: { readonly err?: unknown }) => onWarning(err),
    },
  });
  const note = (record: DeploymentRecord) => {
    acknowledge({ kind: 'state', deployment: record.id, state: record.state });
    void ledger.noteDeployments([record]);
  };
  const deployer = createDeployer({
    ...{ store, trees, clock, onWarning },
    ...surroundingsOf(options),
    journal: createJournal({ stateDir }),
    readReference: async ({ name }) => name,
    soakMs: async () => 2_000,
    secrets: createSecrets(),
    findProgram: async () => undefined,
    probationMs: async () => PROBATION_MS,
    retention: { generations: scenario.keepGenerations, bytes: Number.POSITIVE_INFINITY },
  });
  deployer.onRecord(note);
  const settled = async () => ledger.noteDeployments(await store.records());
  return { stateDir, clock, deployer, store, trees, audit, warnings, settled };
}

type Surroundings = Pick<DeployerParts, 'driver' | 'prober' | 'traffic' | 'volumes'>;

function surroundingsOf(options: InstanceOptions): Surroundings {
  const { stateDir, memory, scenario, verifyAlive } = options;
  const { driver, prober } =
    scenario.services === 'noted'
      ? createMachine(memory, scenario.behaviours, verifyAlive)
      : // Every unit of the laboratory is a program.
        { driver: createProcessDriver({ stateDir }) as Driver, prober: createProber() };
  const traffic = createTraffic({
    stateDir,
    driver,
    command: SWITCH,
    answers: async () => Object.values(memory.read()).some(isSwitch),
    listens: async () => true,
  });
  const { volumes = createVolumes({ stateDir, runtimeDirectory: join(stateDir, 'run') }) } = options;
  return { driver, prober, traffic: { ...traffic, connectionsTo: async () => 0 }, volumes };
}

const PROBATION_MS = 3_600_000;

/** Full disks are made by faults here, not by counting. */
const AMPLE_SPACE = { blockBytes: 4096, freeBytes: 2 ** 40, freeInodes: 2 ** 20 };

/** Writes a pack in two pieces, as a download would. */
export async function fetchPrepared(treeHex: string, file: string): Promise<void> {
  const pack = PACKS.get(treeHex);
  if (pack === undefined) {
    throw new FairleadError('transport/unreachable', { url: 'https://packs.test', problem: 'no such pack' });
  }
  const handle = await open(file, 'w', 0o600);
  try {
    const half = pack.length >> 1;
    await handle.writeFile(pack.subarray(0, half));
    await handle.writeFile(pack.subarray(half));
  } finally {
    await handle.close();
  }
}
