// An agent whose every neighbour is in memory: a vendor's catalog, a deployer that succeeds or fails as told, a clock
// that stands still.

import { setImmediate as later } from 'node:timers/promises';
import type { ApprovalsFile } from '../../agent/core/approvals.ts';
import { type AuditChain, type AuditEvent, chainEntry, readChain } from '../../agent/core/audit-chain.ts';
import type { DecisionRecord } from '../../agent/core/conclude.ts';
import { isDamage } from '../../agent/core/deploy/generation.ts';
import type { NoticesFile, Told } from '../../agent/core/notices.ts';
import type { Outbox, ReportingFile } from '../../agent/core/outbox.ts';
import type { ProposalsFile } from '../../agent/core/proposals.ts';
import type { ReceiptsFile } from '../../agent/core/receipts.ts';
import { createAgent } from '../../agent/engine/agent/agent.ts';
import { createPulse } from '../../agent/engine/deploy/signs.ts';
import type {
  Degradation,
  Deployer,
  DeploymentRequest,
  Generation,
  Quarantined,
} from '../../agent/ports/deploy.ts';
import type { Freshness, Listening, ListeningEnd } from '../../agent/ports/server.ts';
import type { JsonStore, Settings, TreeStore } from '../../agent/ports/state.ts';
import { type Catalog, EMPTY_CATALOG } from '../../shared/compile/releases.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import type { Digest } from '../../shared/encoding/digest.ts';
import { digestOfValue } from '../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { type PolicyState, unreadableConfig } from '../../shared/policy/local-state.ts';
import type { VerifyReply } from '../../shared/protocol/admin.ts';
import type { SaidFacts } from '../../shared/protocol/facts.ts';
import type { OptionalPart, Report } from '../../shared/protocol/report.ts';
import type { Endpoint } from '../../shared/protocol/survey.ts';
import { EMPTY_AUDIT } from '../../shared/schema/audit-chain.ts';
import type { DeploymentRecord, DeploymentState } from '../../shared/schema/deployment.ts';
import { DEFAULT_INSTANCE_CONFIG, type InstanceConfig } from '../../shared/schema/instance.ts';
import { DEFAULT_POLICY } from '../../shared/schema/policy.ts';
import { type CapabilityRelease, capabilityRelease, type Verified } from '../../shared/schema/release.ts';
import { rollout } from '../../shared/schema/rollout.ts';
import { createFakeClock, type FakeClock, settle } from './fake-clock.ts';
import { createProposingVendor } from './proposing-vendor.ts';

export const INSTANCE = '0f0e0d0c-0b0a-4908-8706-050403020100';
export const POLL_MS = 60_000;

export type AgentNetwork = ReturnType<typeof createAgentNetwork>;

/** `soakMs` is the agent's own word over the policy's. */
export function createAgentNetwork({ soakMs }: { readonly soakMs?: number } = {}) {
  const clock = createFakeClock();
  const pulse = createPulse(clock);
  const world = {
    clock,
    catalog: EMPTY_CATALOG as Catalog,
    freshness: { state: 'fresh', expires: clock.now() + 86_400_000 } as Freshness,
    endpoints: [] as Endpoint[],
    /** What the server has instead of bills of materials, by their digests. */
    bill: async (_digest: Digest): Promise<Uint8Array> => {
      throw new FairleadError('transport/refused', { url: 'bill', status: 404, problem: 'no such bill' });
    },
    /** Thrown by the next refreshes; null when the server answers. */
    serverError: null as FairleadError | null,
    /** What reading what is trusted ends with. */
    catalogError: null as FairleadError | null,
    /** What refreshes wait for before they answer. */
    serverAnswers: Promise.resolve() as Promise<void>,
    refreshes: [] as number[],
    policy: { kind: 'readable', policy: DEFAULT_POLICY } as PolicyState,
    settings: {} as Settings,
    config: DEFAULT_INSTANCE_CONFIG as InstanceConfig | FairleadError,
    reports: [] as Report[],
    /** Thrown by the next reports. */
    reportError: null as FairleadError | null,
    /** The optional parts of reports that it says it reads. */
    reads: [] as OptionalPart[],
    /** What the server says of another agent in this one's name. */
    twinsHeard: null as string | null,
    audit: [] as AuditEvent[],
    auditError: null as FairleadError | null,
    /** Thrown where something is to be written to the log, which can still be read. */
    auditFull: null as FairleadError | null,
    logged: [] as { readonly level: string; readonly message: string }[],
    decisions: memoryStore<DecisionRecord>(),
    receipts: memoryStore<ReceiptsFile>(),
    /** Bytes of every root that it trusted. */
    roots: [] as Uint8Array[],
    verification: memoryStore<VerifyReply>(),
    facts: memoryStore<SaidFacts>(),
    told: memoryStore<Told>(),
    /** Who wants to be told what stands here; null for nobody. */
    noticesFile: Promise.resolve<NoticesFile | null>(null),
    outbox: memoryStore<Outbox>(),
    reporting: memoryStore<ReportingFile>(),
    approvals: memoryStore<ApprovalsFile>(),
    proposals: memoryStore<ProposalsFile>(),
    vendor: createProposingVendor(),
    /** The connection over which hints come; null while there is none. */
    line: null as { readonly on: Listening; end(how?: Partial<ListeningEnd>): void } | null,
    /** When a connection was tried. */
    dials: [] as number[],
    fetched: [] as Digest[],
    /** What the server says that a tree would take. */
    weighs: null as Awaited<ReturnType<TreeStore['weigh']>>,
    /** What registries say that an image would take. */
    imageWeighs: null as number | null,
    /** What is on its way onto the disk. */
    transfers: [] as ReturnType<TreeStore['transfers']>,
    /** Until it resolves, no pack arrives. */
    packsArrive: Promise.resolve(),
    drift: new Map<string, readonly { path: string; problem: 'missing' | 'changed' | 'unexpected' }[]>(),
    deployer: createFakeDeployer(clock),
    /** What stood in the place of a directory when the next round began. */
    inTheWay: [] as string[],
  };
  world.settings = {
    policy: async () => world.policy,
    async config() {
      if (world.config instanceof FairleadError) throw world.config;
      return world.config;
    },
    async look(see) {
      const { config } = world;
      const readable = { kind: 'readable', config: config as InstanceConfig } as const;
      const state = config instanceof FairleadError ? unreadableConfig(config) : readable;
      await see({ policy: world.policy, config: state });
    },
    async editConfig(change, record) {
      if (world.config instanceof FairleadError) throw world.config;
      const config = change(world.config);
      await record(world.config, config);
      world.config = config;
      return config;
    },
    async edit(change, record) {
      const before = world.policy.kind === 'readable' ? world.policy.policy : null;
      const policy = await change(before);
      await record(before, policy);
      world.policy = { kind: 'readable', policy };
      return policy;
    },
  };
  const log = (level: string) => (_fields: object, message: string) =>
    void world.logged.push({ level, message });
  let answer: 'changed' | 'unchanged' = 'changed';
  const agent = createAgent({
    instance: { id: INSTANCE, name: 'first-customer', server: 'https://vendor.example' },
    agentVersion: '1.0.0',
    soakMs,
    machine: { os: ['debian:12'], arch: ['x64'] },
    previousEnd: null,
    pollIntervalMs: POLL_MS,
    chance: () => 0.5,
    clock,
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    repository: {
      async refresh() {
        world.refreshes.push(clock.monotonic());
        await world.serverAnswers;
        if (world.serverError !== null) throw world.serverError;
        const outcome = answer;
        answer = 'unchanged';
        return outcome;
      },
      async catalog() {
        if (world.catalogError !== null) throw world.catalogError;
        return world.catalog;
      },
      mirror: () => null,
      root: () => null,
      freshness: () => world.freshness,
    },
    deployer: world.deployer.port,
    pulse,
    trees: {
      has: async (tree) => world.fetched.includes(tree),
      stored: async () => new Set(world.fetched),
      directoryOf: (tree) => `/trees/${tree}`,
      async add(tree) {
        await world.packsArrive;
        world.fetched.push(tree.digest);
      },
      transfers: () => world.transfers,
      weigh: async () => world.weighs,
      verify: async ({ tree }) => world.drift.get(tree.digest) ?? [],
      readAhead: async () => ({
        done: Promise.resolve(),
        damages: async ({ tree }) => (world.drift.get(tree.digest) ?? []).filter(isDamage),
      }),
      repair: async ({ tree }) => void world.drift.delete(tree.digest),
      hand: async () => false,
      collect: async () => undefined,
    },
    settings: {
      policy: () => world.settings.policy(),
      config: () => world.settings.config(),
      edit: (...edit) => world.settings.edit(...edit),
      editConfig: (...edit) => world.settings.editConfig(...edit),
      look: (see) => world.settings.look(see),
    },
    audit: {
      async append(event) {
        const problem = world.auditError ?? world.auditFull;
        if (problem !== null) throw problem;
        await later();
        world.audit.push(event);
      },
      async verify() {
        if (world.auditError !== null) throw world.auditError;
      },
      async entries() {
        if (world.auditError !== null) throw world.auditError;
        return chainOf(world.audit, formatInstantMs(clock.now())).entries;
      },
      async head() {
        if (world.auditError !== null) throw world.auditError;
        return chainOf(world.audit, formatInstantMs(clock.now())).head;
      },
      async read() {
        if (world.auditError !== null) throw world.auditError;
        return chainOf(world.audit, formatInstantMs(clock.now()));
      },
    },
    notices: {
      config: () => world.noticesFile,
      send: async () => null,
      writeTextfile: async () => undefined,
    },
    survey: async () => world.endpoints,
    weighImage: async () => world.imageWeighs ?? { kind: 'unanswered', cause: 'it is away' },
    bill: async (_tree, { digest }) => world.bill(digest),
    preview: async ({ report }) => [
      { kind: 'metadata', bytes: 'GET' },
      { kind: 'report', bytes: JSON.stringify(report) },
    ],
    channel: {
      damage: async () => null,
      beat: () => Promise.reject(new Error('nobody names a report that is held')),
      async send(report) {
        if (world.reportError !== null) throw world.reportError;
        world.reports.push(report);
        return {
          sequence: report.sequence,
          held: null,
          reads: world.reads,
          proposals: world.vendor.mark,
          twinsHeard: world.twinsHeard,
        };
      },
      proposals: (after) => world.vendor.proposals(after),
      answerProposals: (answers) => world.vendor.answerProposals(answers),
      template: (name) => world.vendor.template(name),
      listen: (on, signal) =>
        new Promise((resolve) => {
          world.dials.push(clock.monotonic());
          const end = (how: Partial<ListeningEnd> = {}) => {
            world.line = null;
            resolve({ problem: 'it broke', isRefusal: false, isSteady: false, ...how });
          };
          world.line = { on, end };
          signal.addEventListener('abort', () => end(), { once: true });
        }),
    },
    files: {
      outbox: world.outbox,
      reporting: world.reporting,
      proposals: world.proposals,
      approvals: world.approvals,
      decisions: world.decisions,
      receipts: world.receipts,
      keptRoots: async () => world.roots,
      verification: world.verification,
      facts: world.facts,
      told: world.told,
      mendDirectories: async () => world.inTheWay.splice(0),
    },
  });
  const ended = new AbortController();
  let running: Promise<void> = Promise.resolve();

  return {
    world,
    agent,
    pulse,
    /** Publishes to every instance on `stable`; the next refresh brings it. */
    publish(...releases: readonly Verified<CapabilityRelease>[]) {
      world.catalog = { ...world.catalog, releases: [...world.catalog.releases, ...releases] };
      world.catalog = { ...world.catalog, rollouts: world.catalog.releases.map(rolloutOf) };
      answer = 'changed';
    },
    async start(): Promise<void> {
      running = agent.run(ended.signal);
      await settle();
    },
    /** Resolves when the agent has ended. */
    async stop(): Promise<void> {
      ended.abort();
      await running;
    },
    /** One request as it would come through the socket. */
    ask: (method: string, path: string, body?: unknown): Promise<unknown> =>
      agent.handle({
        method,
        path,
        body: utf8(body === undefined ? '' : JSON.stringify(body)),
        actor: 'alice',
      }),
  };
}

export function releaseOf(version: string, overrides: object = {}): Verified<CapabilityRelease> {
  const document = capabilityRelease.parse({
    schema: 'fairlead/capability@1',
    suite: 'core',
    name: 'auth',
    version,
    change: { id: 'CHG-1', revision: 'git:1', scope: 'test', builtAt: '2026-01-01T00:00:00Z' },
    tree: { digest: digestOfValue(`tree ${version}`), files: 1, bytes: 100 },
    service: { driver: 'process', exec: ['run'] },
    ...overrides,
  });
  return { document, bytes: utf8(JSON.stringify(document)), digest: digestOfValue(`release ${version}`) };
}

function rolloutOf(release: Catalog['releases'][number]): Catalog['rollouts'][number] {
  const { document, digest } = release as Verified<CapabilityRelease>;
  return rollout.parse({
    schema: 'fairlead/rollout@1',
    release: { kind: 'capability', suite: document.suite, name: document.name, version: document.version },
    digest,
    track: 'stable',
    seed: 'seed',
    start: '2026-01-01T00:00:00Z',
    waves: [{ percent: 100, after: 'PT0S' }],
  });
}

const WAY_FORWARD: readonly DeploymentState[] = ['planned', 'fetching', 'preflight', 'stopping', 'starting'];

function createFakeDeployer(clock: FakeClock) {
  const fake = {
    /** How the next deployments end. */
    ends: 'committed' as 'committed' | 'rolled-back' | 'abandoned',
    /** The next deployments stop before their end and wait for `finish`. */
    slow: false,
    finish: (): void => undefined,
    /** How long each is watched, by the word of the engine. */
    soakMs: 0,
    generations: [] as Generation[],
    records: [] as DeploymentRecord[],
    requests: [] as DeploymentRequest[],
    quarantine: [] as Quarantined[],
    quarantineDamage: null as string | null,
    generationDamages: [] as readonly string[],
    degradations: [] as Degradation[],
    /** For which plans. */
    askedToGiveWay: [] as string[],
    /** Called by a repair. */
    repaired: (): void => undefined,
    /** Where the rehearsals were to lead. */
    rehearsed: [] as unknown[],
    onRecord: (_record: DeploymentRecord): void => undefined,
    port: {} as Deployer,
  };
  let live: DeploymentRecord | null = null;

  function enter(state: DeploymentState): void {
    if (live === null) throw new Error('nothing is being deployed');
    const stages = [...live.stages, { state, at: formatInstantMs(clock.now()) }];
    live = { ...live, state, stages };
    fake.records = [...fake.records.filter((record) => record.id !== live?.id), live];
    fake.onRecord(live);
  }

  async function run(request: DeploymentRequest): Promise<DeploymentRecord> {
    const id = fake.records.length + 1;
    live = newRecord(id, fake.generations.length + 1, request);
    enter('planned');
    request.onStarted?.(live);
    for (const state of WAY_FORWARD.slice(1, 3)) enter(state);
    if (!(await request.stillAllowed(fake.soakMs))) return end('abandoned');
    for (const state of WAY_FORWARD.slice(3)) enter(state);
    if (fake.slow) await new Promise<void>((resolve) => (fake.finish = resolve));
    if (fake.ends === 'committed') {
      fake.generations.push({ ...request, number: live.generation, healthy: true });
    }
    if (fake.ends === 'rolled-back') quarantineAll(request, id);
    return end(fake.ends);
  }

  function end(state: DeploymentState): DeploymentRecord {
    enter(state);
    const ended = live as DeploymentRecord;
    live = null;
    return ended;
  }

  function quarantineAll({ manifest }: DeploymentRequest, record: number): void {
    for (const { component, release, version } of manifest.components) {
      const since = formatInstantMs(clock.now());
      fake.quarantine.push({ component, release, version, since, reason: 'unhealthy', record });
    }
  }

  fake.port = {
    soakMs: async () => fake.soakMs,
    soakInProgressMs: async () => (live === null ? null : fake.soakMs),
    onRecord(listener) {
      fake.onRecord = listener;
    },
    recover: async () => undefined,
    async deploy(request) {
      if (live !== null) throw new FairleadError('deploy/busy', { deployment: live.id });
      fake.requests.push(request);
      return await run(request);
    },
    async rollback(request) {
      const target = fake.generations.at(-2);
      if (target === undefined)
        throw new FairleadError('rollback/no-target', { wanted: 'any', available: 'none' });
      // What is left is not installed again by the next round.
      quarantineAll(fake.requests.at(-1)!, fake.records.length + 1);
      const plan = {
        ...fake.requests.at(-1)!.plan,
        reason: { kind: 'rollback', generation: target.number },
      } as const;
      return await run({ ...target, plan, ...request, stillAllowed: async () => true });
    },
    leave: async () => undefined,
    giveWay: (plan) => void fake.askedToGiveWay.push(plan),
    async repair() {
      fake.repaired();
      return [];
    },
    logs: async (component, { change, since } = {}) => [
      `${component} of ${change ?? 'now'}${since === undefined ? '' : ` since ${new Date(since).toISOString()}`}`,
    ],
    async rehearse(to) {
      fake.rehearsed.push(to);
      return { generation: 1, steps: [], checks: [], restores: [], interruptionMs: null };
    },
    inProgress: () => live,
    current: async () => fake.generations.at(-1) ?? null,
    generations: async () => fake.generations,
    records: async () => fake.records,
    quarantine: async () => fake.quarantine,
    quarantineDamage: async () => fake.quarantineDamage,
    recordDamages: async () => [],
    generationDamages: async () => fake.generationDamages,
    async releaseFromQuarantine(component) {
      fake.quarantine = fake.quarantine.filter((entry) => entry.component !== component);
    },
    health: async () =>
      (fake.generations.at(-1)?.manifest.components ?? []).map(({ component }) => ({
        component,
        status: { kind: 'running', pid: 7 },
        health: 'healthy',
      })),
    degradations: () => fake.degradations,
    supervise: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  };
  return fake;
}

function newRecord(id: number, generation: number, request: DeploymentRequest): DeploymentRecord {
  return {
    schema: 'fairlead/record@1',
    id,
    generation,
    previousGeneration: generation === 1 ? null : generation - 1,
    reason: request.plan.reason,
    plan: digestOfValue(request.plan),
    from: request.plan.from,
    to: request.plan.to,
    steps: request.plan.steps.map(({ component, from, to }) => ({ component, from, to, change: 'CHG-1' })),
    state: 'planned',
    stages: [],
    failure: null,
    actor: request.actor,
    ...(request.note === undefined ? {} : { note: request.note }),
  };
}

function chainOf(events: readonly AuditEvent[], at: string): AuditChain {
  let head = EMPTY_AUDIT;
  const lines = events.map((event) => {
    const next = chainEntry(head, event, at);
    head = next.head;
    return next.line;
  });
  return readChain(lines, EMPTY_AUDIT, 'the audit log');
}

interface MemoryStore<Document> extends JsonStore<Document> {
  value: Document | null;
  writes: number;
  /** What was lost. */
  damaged: string | null;
}

function memoryStore<Document>(): MemoryStore<Document> {
  const store: MemoryStore<Document> = {
    value: null,
    writes: 0,
    damaged: null,
    read: async () => store.value,
    // An effect takes its time: one that nobody waits for is missed.
    async write(document: Document) {
      await later();
      store.value = document;
      store.writes += 1;
    },
    damage: async () => store.damaged,
  };
  return store;
}

/** 1.0.0 runs; nothing more happens by itself. */
export async function runningAlone() {
  const network = createAgentNetwork();
  network.publish(releaseOf('1.0.0'));
  await network.start();
  const policy = { ...DEFAULT_POLICY, channel: 'manual' as const, fetchAhead: false };
  network.world.policy = { kind: 'readable', policy };
  await network.world.clock.advance(1000);
  return network;
}
