// One simulated agent process: the agent's own rounds and deployments, by the rooms that run in every install.
//
// What the laboratory leaves out is what could change nothing: polls while nothing is new, and looks at services that are well.
import type { DecisionRecord } from '../../../agent/core/conclude.ts';
import { pollDelayMs } from '../../../agent/core/pauses.ts';
import type { Assessing } from '../../../agent/engine/agent/assess.ts';
import { deployOffer } from '../../../agent/engine/agent/deployments.ts';
import { createLatest } from '../../../agent/engine/agent/latest.ts';
import { createOwnDeployments } from '../../../agent/engine/agent/own-deployments.ts';
import { round } from '../../../agent/engine/agent/round.ts';
import { createServerContact } from '../../../agent/engine/agent/server-contact.ts';
import type { Needs, Self } from '../../../agent/engine/agent/state.ts';
import type { Deployer } from '../../../agent/ports/deploy.ts';
import type { Clock, Log } from '../../../agent/ports/machine.ts';
import type { Repository } from '../../../agent/ports/server.ts';
import type { JsonStore, Settings } from '../../../agent/ports/state.ts';
import { createCompileCache } from '../../../shared/compile/compile.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import type { SaidFacts } from '../../../shared/protocol/facts.ts';
import { isFinal } from '../../../shared/schema/deployment.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
import type { Policy } from '../../../shared/schema/policy.ts';
import type { Time } from './time.ts';

export interface ProcessOptions {
  readonly id: string;
  readonly config: InstanceConfig;
  readonly policy: Policy;
  /** What the machine says of itself, and the operator of the install. */
  readonly machine: NonNullable<Self['machine']>;
  readonly said: SaidFacts;
  readonly time: Time;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly chance: () => number;
  readonly repository: Repository;
  readonly deployer: Deployer;
  readonly isAlive: () => boolean;
  /** The server was reached. */
  readonly onContact: () => void;
}

export interface AgentProcess {
  /** Until it is no longer alive. */
  live(): Promise<void>;
  /** Something changed that its next poll will find. */
  news(): void;
}

type Played = Assessing & Needs<'log' | 'records' | 'wake'>;

/** As the agent's command line has it, without a hint of the server's: the slowest way news can come. */
export const POLL_INTERVAL_MS = 60_000;

const QUIET: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

export function createAgentProcess(options: ProcessOptions): AgentProcess {
  const { clock, chance, deployer, isAlive } = options;
  let waking = new AbortController();
  let isNews = false;
  const decisions = memoryOf<DecisionRecord>();
  const state = stateOf(options, decisions, () => waking.abort());
  const { contact } = state.offers;

  function news(): void {
    isNews = true;
    waking.abort();
  }

  /** A poll in between would find what the last one found, and decide the same. */
  async function rest(waitMs: number): Promise<void> {
    const isUnreached = contact.last()?.outcome === 'failed';
    if (isUnreached || deployer.inProgress() !== null) return clock.sleep(waitMs, waking.signal);
    if (!isNews) await clock.sleep(untilCleared(decisions.last(), clock.now()), waking.signal);
    if (!isNews) return;
    waking = new AbortController();
    const { signal } = waking;
    const sinceLastPoll = pollDelayMs(POLL_INTERVAL_MS, { failures: 0, retryAfterMs: 0 }, chance());
    isNews = false;
    const dueMs = Math.max(contact.dueAt() - clock.monotonic(), Math.round(chance() * sinceLastPoll));
    await clock.sleep(dueMs, signal);
  }

  deployer.onRecord((record) => {
    if (isFinal(record.state)) news();
  });
  return {
    news,
    async live() {
      await deployer.recover();
      while (isAlive()) {
        waking = new AbortController();
        isNews = false;
        const waitMs = await round(state);
        if (contact.last()?.outcome !== 'failed') options.onContact();
        await rest(waitMs);
      }
    },
  };
}

function untilCleared(record: DecisionRecord | null, now: number): number {
  const clears = record?.decision.blockers.flatMap(({ clearsAt }) => clearsAt ?? []) ?? [];
  return Math.min(...clears.map((at) => instantMs(at) - now).filter((ms) => ms > 0));
}

/** What nobody asks for here: no person types anything, and every state of a deployment is reported where it is entered. */
const unplayed = (): never => {
  throw new Error('the laboratory does not play this');
};

function stateOf(options: ProcessOptions, decisions: JsonStore<DecisionRecord>, wake: () => void): Played {
  const { id, time, clock, machine, repository, deployer } = options;
  const inTurn = createTurns();
  const state: Played = {
    ...{ clock, deployer, log: QUIET, wake, trees: { stored: async () => new Set<never>() } },
    self: { instance: { id, name: id, server: 'https://simulated.test' }, agentVersion: '1.0.0', machine },
    offers: {
      contact: createServerContact({ ...options, log: QUIET, intervalMs: POLL_INTERVAL_MS }),
      freshness: (now) => repository.freshness(now),
      ...{ compile: createCompileCache(), inTurn: (work) => inTurn(() => time.still(work)) },
      latest: createLatest(clock),
      fetchAhead: { begin: () => undefined },
      weights: { known: () => new Map(), look: () => undefined, settled: unplayed },
      own: createOwnDeployments({
        ...{ deploy: (offer) => deployOffer(state, offer), onCommitted: wake, log: QUIET },
      }),
      proposals: { request: () => undefined, settled: unplayed },
      ...{
        hints: { run: unplayed, state: () => null },
        root: unplayed,
        survey: unplayed,
        template: unplayed,
        bill: unplayed,
      },
    },
    choice: {
      settings: settingsOf(options),
      ...{ approvals: memoryOf(), facts: memoryOf(options.said), proposals: memoryOf() },
      ...{ inTurn: createTurns(), proposalsInTurn: createTurns() },
    },
    records: recordsOf(decisions),
  };
  return state;
}

function recordsOf(decisions: JsonStore<DecisionRecord>): Played['records'] {
  const noted = async () => undefined;
  return {
    decisions,
    reporter: {
      request: () => undefined,
      ...{ settled: unplayed, next: unplayed, undelivered: unplayed, word: unplayed },
    },
    ledger: {
      ...{ noteLocal: noted, note: unplayed, noteDeployments: unplayed, noteStart: unplayed },
      ...{ record: unplayed, recordEdit: unplayed, recordConfigEdit: unplayed, problem: unplayed },
    },
    audit: { append: unplayed, verify: unplayed, entries: unplayed, read: unplayed, head: unplayed },
    witness: { ...{ claim: unplayed, take: unplayed, noteRestored: unplayed }, forks: async () => [] },
    ...{ receipts: memoryOf(), keptRoots: unplayed },
    reporting: { isOff: unplayed, write: unplayed },
    ...{ preview: unplayed, verification: memoryOf(), damages: async () => [] },
  };
}

function settingsOf({ policy, config }: ProcessOptions): Settings {
  const state = { kind: 'readable', policy } as const;
  return {
    ...{ policy: async () => state, config: async () => config },
    ...{ edit: unplayed, editConfig: unplayed, look: unplayed },
  };
}

interface Memory<Document> extends JsonStore<Document> {
  last(): Document | null;
}

function memoryOf<Document>(kept: Document | null = null): Memory<Document> {
  return {
    read: async () => kept,
    write: async (document) => {
      kept = document;
    },
    damage: async () => null,
    last: () => kept,
  };
}
