// The agent service, as a table of contents: what it is made of, in the order in which it comes alive and ends.
import { resolve } from 'node:path';
import { stdTimeFunctions } from 'pino';
import { createSecrets } from '../shared/encoding/redact.ts';
import { EXIT } from '../shared/errors/entry.ts';
import { FairleadError } from '../shared/errors/error.ts';
import type { Lock } from '../shared/node/lock.ts';
import { createLog } from '../shared/node/log.ts';
import { serveAdminApi } from './adapters/admin/admin-server.ts';
import { createDeploymentPorts } from './adapters/deployment-ports.ts';
import { createImageScale } from './adapters/drivers/compose/pulled-images.ts';
import { beginsOnTrial, createAgentSlots, nameCurrent } from './adapters/machine/agent-slots.ts';
import { tidyWhile } from './adapters/machine/heap.ts';
import { createNotices } from './adapters/machine/notices.ts';
import { createOwnProcess, endOnSignals } from './adapters/machine/own-process.ts';
import { AGENT_VERSION, systemClock as clock, readMachine } from './adapters/machine/surroundings.ts';
import { readPreviousEnd, startWatchdog } from './adapters/machine/watchdog.ts';
import { openTrustStore } from './adapters/repository/trust-store.ts';
import { createVerifyTargets } from './adapters/repository/verify-beside.ts';
import { type EnrolmentFile, readEnrolment } from './adapters/server/enrolment-file.ts';
import { createServerPorts } from './adapters/server-ports.ts';
import { createAuditFile } from './adapters/state/audit-file.ts';
import { createSettings } from './adapters/state/settings.ts';
import {
  acquireStateLock,
  settleState,
  socketPathOf,
  untilStateIsLost,
} from './adapters/state/state-directory.ts';
import { createStateFiles } from './adapters/state/state-files.ts';
import { createTreeStore } from './adapters/tree-store/tree-store.ts';
import type { RunOptions } from './cli/program.ts';
import { describeSlots } from './core/deploy/agent-slots.ts';
import { ownComponentOf } from './core/deploy/generation.ts';
import { createAgent } from './engine/agent/agent.ts';
import { createDeployer } from './engine/deploy/deployer.ts';
import { createPulse, type LivingPulse, LONGEST_STEP_MS, withSigns } from './engine/deploy/signs.ts';
import { createRepository } from './engine/repository/repository.ts';
import type { Log, OwnProcess } from './ports/machine.ts';

/** Runs until TERM or INT; the services it started keep running. Errors: enrolment/missing, agent/*, disk/*. */
export async function runAgent(options: RunOptions): Promise<number> {
  // Nothing the agent writes is anybody else's business; what services must read gets its mode by name.
  process.umask(0o077);
  const { stateDir } = options;
  const own = endOnSignals(createOwnProcess(process.env));
  const parts = await assemble({ ...options, stateDir: resolve(stateDir) }, own);
  const { agent, deployer, pulse, log, lock } = parts;
  await nameCurrent(resolve(stateDir), ownComponentOf(await deployer.generations())).catch((err) =>
    log.warn({ err }, 'the slot does not say which component the agent is'),
  );
  const isOnTrial = await beginsOnTrial(resolve(stateDir), own);
  // Recovery may verify and soak for minutes: it can be asked about, and left, like any deployment.
  own.ending.addEventListener('abort', () => void deployer.leave(), { once: true });
  const socket = await serveAdminApi(socketPathOf(stateDir), agent.handle, (err) =>
    log.error({ err }, 'the admin API failed to answer'),
  );
  own.note('socket');
  startWatchdog({
    environment: process.env,
    // Ready is who has proved itself: until then the manager counts time and starts, whatever this agent thinks of itself.
    after: isOnTrial ? own.proved : Promise.resolve(),
    lives: () => gettingOn(pulse, log),
    onError: (problem) => log.warn({ problem }, 'the service manager could not be told that the agent lives'),
  });
  const work = async () => {
    const recovered = deployer.recover().catch((err) => log.error({ err }, 'recovery is not complete'));
    // On trial the rounds are part of the proof that the recovery waits for.
    if (!isOnTrial) await recovered;
    log.info({ version: AGENT_VERSION, stateDir, isOnTrial }, 'the agent runs');
    await agent.run(own.ending);
    await Promise.all([socket.close(), parts.vendor.close()]);
    lock.release();
    return EXIT.ok;
  };
  return Promise.race([work(), endWithoutState(lock, stateDir, log)]);
}

/** Whatever it still wrote would not be the state it knows, so it ends at once, as a kill would end it. */
async function endWithoutState(lock: Lock, stateDir: string, log: Log): Promise<number> {
  await untilStateIsLost(lock, clock);
  log.error({ err: new FairleadError('agent/state-lost', { stateDir }) }, 'the agent ends; services run on');
  return EXIT.failed;
}

function gettingOn(pulse: LivingPulse, log: Log): boolean {
  const part = pulse.silent();
  if (part !== null) log.error({ part }, 'a part of the agent hangs: the service manager is left to end it');
  return part === null;
}

async function assemble({ stateDir, config, pollIntervalMs, soakMs, drivers }: RunOptions, own: OwnProcess) {
  const enrolment = await readEnrolment(stateDir);
  if (enrolment === null) throw new FairleadError('enrolment/missing', { stateDir });
  const lock = await acquireStateLock(stateDir);
  const secrets = createSecrets();
  const log: Log = createLog({ base: null, timestamp: stdTimeFunctions.isoTime }, secrets);
  await settleState(stateDir).catch((err) => log.warn({ err }, 'what a kill left behind stays'));
  const vendor = await createServerPorts(enrolment, stateDir, clock);
  const settings = createSettings(stateDir, config ?? `${stateDir}/instance.json`);
  const pulse = createPulse(clock);
  const trees = treesFrom(vendor, stateDir, pulse, log);
  const ports = await createDeploymentPorts({
    ...{ stateDir, settings, trees, clock, own, log, secrets, soakMs, drivers },
  });
  const scale = createImageScale(stateDir);
  const deployer = createDeployer(withSigns(ports, pulse), ports);
  const agent = createAgent({
    ...{ deployer, trees, log, pulse, settings, pollIntervalMs, drivers, soakMs, ...vendor.agent },
    agentVersion: AGENT_VERSION,
    machine: await readMachine(),
    slots: async () => describeSlots(await createAgentSlots(stateDir).read()),
    previousEnd: await readPreviousEnd(process.env.RUNTIME_DIRECTORY),
    chance: Math.random,
    onRound: own.noteRound,
    clock: { ...clock, sleep: tidyWhile(clock.sleep) },
    repository: repositoryFrom(vendor, stateDir, enrolment, log),
    notices: createNotices(stateDir, log, clock.now),
    weighImage: async (ref) => scale(ref, (await settings.config()).registries),
    audit: createAuditFile(stateDir, clock),
    files: createStateFiles(stateDir, (problem) => log.warn({ problem }, 'a state file is begun anew')),
  });
  return { agent, deployer, pulse, log, lock, vendor };
}

type Vendor = Awaited<ReturnType<typeof createServerPorts>>;

function treesFrom({ packs }: Vendor, stateDir: string, pulse: LivingPulse, log: Log) {
  return createTreeStore({
    stateDir,
    onLeft: (err) => log.warn({ err }, 'something in the store of trees is left lying'),
    onInstead: ({ digest }, err) =>
      log.warn({ err, tree: digest }, 'a patch is of no use here: the full pack is fetched'),
    // Nobody else knows that it gets on.
    ...packs(() => pulse.promise('services', LONGEST_STEP_MS)),
  });
}

function repositoryFrom({ source, mirrors }: Vendor, stateDir: string, { root }: EnrolmentFile, log: Log) {
  return createRepository({
    openStore: () => openTrustStore(`${stateDir}/trust`),
    ...{
      source,
      mirrors,
      initialRoot: Buffer.from(root.bytes, 'base64'),
      verifyTargets: createVerifyTargets(),
    },
    onWarning: (err) => log.warn({ err }, 'a signed document cannot be used'),
  });
}
