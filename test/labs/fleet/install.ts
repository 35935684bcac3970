// One simulated install: its machine, its disk, its way to the server, and the agent processes that live there one after the other.

import { LONGEST_WAIT_MS } from '../../../agent/core/pauses.ts';
import { createDeployer } from '../../../agent/engine/deploy/deployer.ts';
import { addSightings, NO_SIGHTINGS, ordersBeside } from '../../../agent/engine/repository/sightings.ts';
import type { Deployer } from '../../../agent/ports/deploy.ts';
import type { Repository } from '../../../agent/ports/server.ts';
import { type Catalog, EMPTY_CATALOG } from '../../../shared/compile/releases.ts';
import { durationMs, type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';
import { createSecrets } from '../../../shared/encoding/redact.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import {
  createMemoryJournal,
  createMemoryStore,
  createMemoryTraffic,
  createMemoryTrees,
  type MemoryDisk,
} from '../../support/memory-deployments.ts';
import { createMemoryVolumes, createVolumeDisk } from '../../support/memory-volumes.ts';
import { type AgentProcess, createAgentProcess } from './agent-process.ts';
import { createSimulatedMachine, type Fate } from './machine.ts';
import type { Install, InstallFacts, SimulatedServer } from './ports.ts';
import { publicationOf } from './publication.ts';
import type { Time } from './time.ts';

export interface InstallOptions {
  /** Of an install that has a history already. */
  readonly disk: MemoryDisk;
  readonly time: Time;
  readonly server: SimulatedServer;
  readonly chance: () => number;
  readonly fateOf: (release: string, facts: InstallFacts) => Fate;
  /** Heard of every state that a deployment enters, and of whatever may have changed what is well. */
  readonly onRecord: (install: Install, record: DeploymentRecord) => void;
  readonly onChange: (install: Install) => void;
}

/** As the server signs its timestamps: valid for a day, signed anew every six hours. */
const TIMESTAMP_LIFETIME_MS = 24 * 3_600_000;
const TIMESTAMP_AGE_MS = 6 * 3_600_000;
/** A service that fails is looked at as the agent looks, until this is over. */
const WATCHED_MS = 15 * 60_000;
/** The next reports have said so by then. */
const REPORTED_MS = 3 * 60_000;
const REBOOT_MS = 3 * 60_000;

export function createInstall(facts: InstallFacts, options: InstallOptions): Install {
  const { time, server, disk } = options;
  const timers = new Map<Fate, (() => void)[]>();
  const owed: DeploymentRecord[] = [];
  let lastTold = '';
  let cuts = 0;
  let silentSince: EpochMs | null = null;
  let life: Life | null = null;

  const machine = createSimulatedMachine({
    clock: { monotonic: () => time.now() },
    fateOf: (release) => options.fateOf(release, facts),
    onStart(fate) {
      const due = (ms: number | undefined, act: () => void) =>
        ms === undefined ? [] : [time.at(time.now() + ms, act)];
      timers.set(fate, [
        ...due(fate.failsAfterMs, () => {
          life?.watch();
          time.at(time.now() + REPORTED_MS, report);
        }),
        ...due(fate.crashesMachineAfterMs, () => install.losePower(REBOOT_MS)),
        ...due(fate.cutsNetworkAfterMs, () => {
          install.cutNetwork();
          timers.set(fate, [() => install.restoreNetwork()]);
        }),
      ]);
      options.onChange(install);
    },
    onStop(fate) {
      for (const cancel of timers.get(fate) ?? []) cancel();
      timers.delete(fate);
      options.onChange(install);
    },
  });

  function tell(record: DeploymentRecord): void {
    owed.push(record);
    report();
    options.onRecord(install, record);
    options.onChange(install);
  }

  /** What it owes, and what runs and how well. */
  function report(): void {
    if (install.isSilent()) return;
    silentSince = null;
    const well = new Set(machine.healthy());
    const current = disk.current === null ? undefined : disk.generations.get(disk.current);
    const components = (current?.manifest.components ?? []).map(({ component, version }) => {
      return { component, version, isHealthy: well.has(`${component}@${version}`) };
    });
    const told = JSON.stringify(components);
    if (owed.length === 0 && told === lastTold) return;
    lastTold = told;
    server.hear(facts.id, { records: owed.splice(0), components });
  }

  const install: Install = {
    ...{ facts, disk },
    healthy: () => (life === null ? null : machine.healthy()),
    isSilent: () => life === null || cuts > 0,
    silentSince: () => silentSince,
    cutNetwork() {
      if (cuts++ === 0) silentSince = time.now();
      options.onChange(install);
    },
    restoreNetwork() {
      const silentMs = silentSince === null ? 0 : time.now() - silentSince;
      time.at(time.now() + options.chance() * Math.min(LONGEST_WAIT_MS, silentMs), () => {
        if (--cuts > 0) return;
        install.news();
        options.onChange(install);
      });
    },
    losePower(forMs) {
      if (life === null) return;
      life.end();
      life = null;
      silentSince ??= time.now();
      machine.losePower();
      for (const cancels of timers.values()) for (const cancel of cancels) cancel();
      timers.clear();
      options.onChange(install);
      time.at(time.now() + forMs, () => boot());
    },
    news: () => life?.process.news(),
  };

  function boot(): void {
    const repository = repositoryOf(facts, options, () => (cuts > 0 ? silentSince : null));
    const parts = { facts, disk, machine, repository, tell, report };
    life = begin(parts, options);
    options.onChange(install);
  }

  boot();
  return install;
}

interface Life {
  readonly process: AgentProcess;
  /** As the agent looks after its services, which here begins when one of them fails. */
  watch(): void;
  end(): void;
}

interface LifeParts {
  readonly facts: InstallFacts;
  readonly disk: MemoryDisk;
  readonly machine: ReturnType<typeof createSimulatedMachine>;
  readonly repository: Repository;
  readonly tell: (record: DeploymentRecord) => void;
  readonly report: () => void;
}

function begin({ facts, disk, machine, repository, tell, report }: LifeParts, options: InstallOptions): Life {
  const { time, chance } = options;
  const own = { isAlive: true, skewMs: facts.skewMs };
  const clock = time.clockOf(own);
  const deployer: Deployer = createDeployer({
    ...{ store: createMemoryStore(disk), journal: createMemoryJournal(disk), trees: createMemoryTrees(disk) },
    ...{ driver: machine.driver, prober: machine.prober, clock, secrets: createSecrets() },
    traffic: createMemoryTraffic(new Map()),
    volumes: createMemoryVolumes(createVolumeDisk()),
    readReference: async ({ kind, name }) => {
      throw new FairleadError('setting/unreadable', { kind, name, problem: 'it is not set' });
    },
    findProgram: async () => undefined,
    soakMs: async () => durationMs(facts.policy.soak),
    probationMs: async () => durationMs(facts.policy.probation),
    retention: { generations: facts.policy.retention.generations, bytes: Number.POSITIVE_INFINITY },
    onWarning: () => undefined,
  });
  deployer.onRecord((record) => own.isAlive && tell(record));
  const process = createAgentProcess({
    ...{
      id: facts.id,
      config: facts.config,
      policy: facts.policy,
      time,
      clock,
      chance,
      repository,
      deployer,
    },
    machine: { os: [facts.os], arch: [facts.arch] },
    said: {
      ...{ schema: 'fairlead/said-facts@1', region: [facts.region] },
      ...{ by: 'admin', since: formatInstant(clock.now()), reason: 'simulated' },
    },
    isAlive: () => own.isAlive,
    onContact: report,
  });
  let isWatched = false;
  void process.live();
  return {
    process,
    watch() {
      // A deployment looks for itself.
      if (isWatched || deployer.inProgress() !== null) return;
      isWatched = true;
      const ending = new AbortController();
      time.at(time.now() + WATCHED_MS, () => {
        isWatched = false;
        ending.abort();
      });
      void deployer.supervise(ending.signal);
    },
    end() {
      own.isAlive = false;
    },
  };
}

/** Trust kept as the agent keeps it: what was seen last, and how long that is believed. */
function repositoryOf(
  { id }: InstallFacts,
  { server }: InstallOptions,
  silentSince: () => number | null,
): Repository {
  let seen: Catalog = EMPTY_CATALOG;
  let sightings = NO_SIGHTINGS;
  let isFirst = true;
  return {
    async refresh(now) {
      if (silentSince() !== null) {
        throw new FairleadError('transport/unreachable', {
          url: 'https://simulated.test',
          problem: 'no route',
        });
      }
      const shown = server.shownTo(id);
      const outcome = shown === seen && !isFirst ? 'unchanged' : 'changed';
      [seen, isFirst] = [shown, false];
      sightings = addSightings(sightings, publicationOf(shown).documents, ordersBeside(shown, now), now);
      return outcome;
    },
    catalog: async () => ({ ...seen, haltedSince: sightings.digests, ordersHaltedSince: sightings.orders }),
    freshness(now) {
      if (isFirst) return { state: 'never', expires: null };
      const signed = (silentSince() ?? server.signedFor(id)) - TIMESTAMP_AGE_MS;
      const expires = signed + TIMESTAMP_LIFETIME_MS;
      if (now < signed) return { state: 'clock-behind', expires };
      return { state: now < expires ? 'fresh' : 'expired', expires };
    },
    mirror: () => null,
    root: () => null,
  };
}
