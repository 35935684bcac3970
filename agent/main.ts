// The agent service, as a table of contents: what it is made of, in the order in which it comes alive and ends.
import { resolve } from 'node:path';
import pino from 'pino';
import { durationMs } from '../shared/encoding/duration.ts';
import { instantMs } from '../shared/encoding/instant.ts';
import { EXIT } from '../shared/errors/entry.ts';
import { FairleadError } from '../shared/errors/error.ts';
import type { Lock } from '../shared/node/lock.ts';
import { createLogDestination } from '../shared/node/log.ts';
import { effectivePolicy } from '../shared/policy/local-state.ts';
import { verifyReply } from '../shared/protocol/admin.ts';
import type { DeploymentRecord } from '../shared/schema/deployment.ts';
import { serveAdminApi } from './adapters/admin/admin-server.ts';
import { createDrivers } from './adapters/drivers/drivers.ts';
import { createTraffic, switchCommand } from './adapters/drivers/traffic/traffic.ts';
import { createJsonFile } from './adapters/files/json-file.ts';
import { AGENT_VERSION } from './adapters/machine/agent-version.ts';
import { findProgram } from './adapters/machine/find-program.ts';
import { tidyWhile } from './adapters/machine/heap.ts';
import { createProber } from './adapters/machine/prober.ts';
import { readReference } from './adapters/machine/references.ts';
import { systemClock as clock } from './adapters/machine/system-clock.ts';
import { readPreviousEnd, startWatchdog } from './adapters/machine/watchdog.ts';
import { createHttpSource, repositoryUrls } from './adapters/repository/http-source.ts';
import { openTrustStore } from './adapters/repository/trust-store.ts';
import { type EnrolmentFile, readEnrolment } from './adapters/server/enrolment-file.ts';
import { createHttpClient, type HttpClient } from './adapters/server/http-client.ts';
import { readIdentity } from './adapters/server/identity.ts';
import { describeProxy, readProxies } from './adapters/server/proxies.ts';
import { createServerChannel } from './adapters/server/server-channel.ts';
import { createAuditFile } from './adapters/state/audit-file.ts';
import { createDeploymentStore } from './adapters/state/deployment-store.ts';
import { createJournal } from './adapters/state/journal.ts';
import { createSettings } from './adapters/state/settings.ts';
import { acquireStateLock, settleState } from './adapters/state/state-directory.ts';
import { socketPathOf } from './adapters/state/state-paths.ts';
import { createTreeStore } from './adapters/tree-store/tree-store.ts';
import { approvalsFile } from './core/approvals.ts';
import { decisionRecord } from './core/decision-record.ts';
import { outbox } from './core/outbox.ts';
import { createSecrets, type Secrets } from './core/secrets.ts';
import { type Agent, createAgent } from './engine/agent/agent.ts';
import { createPulse, type LivingPulse } from './engine/agent/pulse.ts';
import { createDeployer } from './engine/deploy/deployer.ts';
import { LONGEST_STEP_MS, withSigns } from './engine/deploy/signs.ts';
import { createRepository } from './engine/repository/repository.ts';
import type { Deployer } from './ports/deployer.ts';
import type { Log } from './ports/log.ts';
import type { RepositorySource } from './ports/repository-source.ts';
import type { Settings } from './ports/settings.ts';
import type { TreeStore } from './ports/tree-store.ts';

export interface RunAgentOptions {
  readonly stateDir: string;
  /** `instance.json` in the state directory unless given. */
  readonly config?: string | undefined;
  readonly pollIntervalMs: number;
  /** Overrides the policy's. */
  readonly soakMs?: number | undefined;
}

/** Runs until TERM or INT; the services it started keep running. Errors: enrolment/missing, agent/*, disk/*. */
export async function runAgent(options: RunAgentOptions): Promise<number> {
  // Nothing the agent writes is anybody else's business; what services must read gets its mode by name.
  process.umask(0o077);
  const parts = await assemble({ ...options, stateDir: resolve(options.stateDir) });
  const { agent, deployer, pulse, log, lock } = parts;
  const ended = abortOnSignal();
  // Recovery may verify and soak for minutes: it can be asked about, and left, like any deployment.
  ended.addEventListener('abort', () => void deployer.leave(), { once: true });
  const socket = await serveAdminApi(socketPathOf(options.stateDir), agent.handle, (err) =>
    log.error({ err }, 'the admin API failed to answer'),
  );
  startWatchdog({
    environment: process.env,
    lives: () => gettingOn(pulse, log),
    onError: (problem) => log.warn({ problem }, 'the service manager could not be told that the agent lives'),
  });
  const work = async () => {
    await deployer.recover().catch((err) => log.error({ err }, 'recovery is not complete'));
    log.info({ version: AGENT_VERSION, stateDir: options.stateDir }, 'the agent runs');
    await agent.run(ended);
    await socket.close();
    await parts.close();
    return EXIT.ok;
  };
  return Promise.race([work(), endWithoutState(lock, options.stateDir, log)]);
}

const LOCK_LOOK_MS = 2_000;

/**
 * A state directory that was moved away, removed or replaced takes the lock with it: another agent may have taken the new
 * one. Whatever this one still wrote there would not be the state it knows, so it ends at once, as a kill would end it.
 */
async function endWithoutState(lock: Lock, stateDir: string, log: Log): Promise<number> {
  while (await lock.isInPlace()) await clock.sleep(LOCK_LOOK_MS);
  log.error({ err: new FairleadError('agent/state-lost', { stateDir }) }, 'the agent ends; services run on');
  return EXIT.failed;
}

function gettingOn(pulse: LivingPulse, log: Log): boolean {
  const part = pulse.silent();
  if (part !== null) log.error({ part }, 'a part of the agent hangs: the service manager is left to end it');
  return part === null;
}

interface Connected {
  readonly stateDir: string;
  readonly enrolment: EnrolmentFile;
  readonly http: HttpClient;
  readonly source: RepositorySource;
  readonly log: Log;
}

interface Assembled {
  readonly agent: Agent;
  readonly deployer: Deployer;
  readonly pulse: LivingPulse;
  readonly log: Log;
  readonly lock: Lock;
  close(): Promise<void>;
}

async function assemble(options: RunAgentOptions): Promise<Assembled> {
  const { stateDir } = options;
  const enrolment = await readEnrolment(stateDir);
  if (enrolment === null) throw new FairleadError('enrolment/missing', { stateDir });
  const lock = await acquireStateLock(stateDir);
  const secrets = createSecrets();
  const destination = createLogDestination({ redact: secrets.redact });
  const log: Log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  await settleState(stateDir).catch((err) => log.warn({ err }, 'what a kill left behind stays'));
  const http = createHttpClient();
  const source = createHttpSource(repositoryUrls(enrolment.server), http);
  const settings = createSettings(stateDir, options.config ?? `${stateDir}/instance.json`);
  const pulse = createPulse(clock);
  const trees = createTreeStore({
    stateDir,
    fetchPack: (treeHex, file, limits) =>
      source.pack(treeHex, file, {
        ...limits,
        onProgress(bytes) {
          // It may take days, and nobody else knows that it gets on.
          pulse.promise('services', LONGEST_STEP_MS);
          limits.onProgress(bytes);
        },
      }),
  });
  const late: { agent: Agent | null } = { agent: null };
  const deployment = {
    ...(await deploymentParts(options, { settings, trees, log, secrets })),
    onRecord: (record: DeploymentRecord) => late.agent?.onRecord(record),
  };
  const deployer = createDeployer(withSigns(deployment, pulse), deployment);
  const agent = createAgent({
    ...(await agentParts({ stateDir, enrolment, http, source, log })),
    pollIntervalMs: options.pollIntervalMs,
    log,
    settings,
    trees,
    deployer,
    pulse,
  });
  late.agent = agent;
  const close = async () => {
    await http.close();
    lock.release();
  };
  return { agent, deployer, pulse, log, lock, close };
}

async function deploymentParts(
  options: RunAgentOptions,
  { settings, trees, log, secrets }: { settings: Settings; trees: TreeStore; log: Log; secrets: Secrets },
) {
  const { stateDir } = options;
  const driver = createDrivers({ stateDir, clock });
  const state = await settings.policy();
  const policy = effectivePolicy({ policy: state });
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
    soakMs: options.soakMs ?? durationMs(policy.soak),
    probationMs: () => probationOf(settings),
    retention: { ...policy.retention, bytes: policy.retention.bytes ?? Number.POSITIVE_INFINITY },
    onWarning: (err: unknown) => log.warn({ err }, 'beside a deployment'),
  };
}

/** While a person asked for nothing to change, or nobody knows what they asked for, nothing is undone by itself. */
async function probationOf(settings: Settings): Promise<number> {
  const state = await settings.policy();
  if (state.kind !== 'readable') return 0;
  const { hold, emergencyHold, probation } = state.policy;
  const held = [hold, emergencyHold].some((one) => one !== undefined && clock.now() < instantMs(one.until));
  return held ? 0 : durationMs(probation);
}

async function agentParts({ stateDir, enrolment, http, source, log }: Connected) {
  const { server, instance, name, root } = enrolment;
  const onDamage = (problem: string) => log.warn({ problem }, 'a state file is begun anew');
  return {
    instance: { id: instance, name, server, ...proxyFor(server) },
    agentVersion: AGENT_VERSION,
    previousEnd: await readPreviousEnd(process.env.RUNTIME_DIRECTORY),
    chance: Math.random,
    clock: { ...clock, sleep: tidyWhile(clock.sleep) },
    repository: createRepository({
      openStore: () => openTrustStore(`${stateDir}/trust`),
      source,
      initialRoot: Buffer.from(root.bytes, 'base64'),
      onWarning: (err) => log.warn({ err }, 'a signed document cannot be used'),
    }),
    audit: createAuditFile(stateDir, clock),
    channel: createServerChannel({
      ...{ server, instance, clock, http },
      identity: () => readIdentity(stateDir),
    }),
    approvals: createJsonFile(`${stateDir}/approvals/receipts.json`, approvalsFile, onDamage),
    outbox: createJsonFile(`${stateDir}/outbox/state.json`, outbox, onDamage),
    verification: createJsonFile(`${stateDir}/verification.json`, verifyReply, onDamage),
    decisions: createJsonFile(`${stateDir}/decision.json`, decisionRecord, onDamage),
  };
}

function proxyFor(server: string): { readonly proxy?: string } {
  const proxy = describeProxy(readProxies(process.env), server);
  return proxy === null ? {} : { proxy };
}

function abortOnSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
