// The running agent: supervise, then round after round ask, decide, apply and report.
import { createCompileCache } from '../../../shared/compile/compile.ts';
import { aborted, createTurns, joined } from '../../../shared/node/turns.ts';
import type { Endpoint } from '../../../shared/protocol/survey.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Told } from '../../core/notices.ts';
import type { Outbox, ReportingFile } from '../../core/outbox.ts';
import type { Notices, RoundSeen } from '../../ports/machine.ts';
import type { AdminHandler, Repository, ServerChannel } from '../../ports/server.ts';
import type { AuditLog, JsonStore, Settings } from '../../ports/state.ts';
import { createAdminRoutes } from './admin-routes.ts';
import type { Assessing } from './assess.ts';
import { deployOffer } from './deployments.ts';
import { createFetchAhead } from './fetch-ahead.ts';
import { createReporting } from './gate.ts';
import { createHints } from './hints.ts';
import { createLatest } from './latest.ts';
import { createLedger } from './ledger.ts';
import { createNotifier, type Notifier } from './notifier.ts';
import { createOwnDeployments } from './own-deployments.ts';
import { createProposalExchange } from './proposal-exchange.ts';
import { createReporter } from './reporter.ts';
import { round } from './round.ts';
import { createServerContact } from './server-contact.ts';
import type { AgentState, Choice, Needs, Offers, Records, Self } from './state.ts';
import { observe, readStatus } from './status.ts';
import { watchFiles } from './upkeep.ts';
import { createWeights, type WeightsOptions } from './weights.ts';
import { createWitness } from './witness.ts';

export interface Agent {
  /** Answers the admin socket. */
  readonly handle: AdminHandler;
  /** Until the signal aborts. Services go on: stopping the agent never stops the customer's platform. */
  run(signal: AbortSignal): Promise<void>;
}

export interface AgentOptions
  extends Self,
    Pick<AgentState, 'deployer' | 'trees' | 'clock' | 'log' | 'pulse'>,
    Pick<WeightsOptions, 'weighImage'> {
  /** How the agent before this one ended, in the word of the service manager; null where it does not say. */
  readonly previousEnd: string | null;
  readonly pollIntervalMs: number;
  /** Uniform in [0, 1). */
  readonly chance: () => number;
  readonly repository: Repository;
  readonly settings: Settings;
  readonly audit: AuditLog;
  readonly channel: ServerChannel;
  readonly survey: () => Promise<Endpoint[]>;
  readonly bill: Offers['bill'];
  readonly preview: Records['preview'];
  readonly files: AgentFiles;
  /** Nobody is told where there is none. */
  readonly notices?: Notices;
  /** Hears of every round that went through. */
  readonly onRound?: (round: RoundSeen) => void;
}

/** The state files that the agent keeps for itself. */
export interface AgentFiles
  extends Pick<Choice, 'approvals' | 'facts' | 'proposals'>,
    Pick<Records, 'decisions' | 'keptRoots' | 'receipts' | 'verification'> {
  readonly told: JsonStore<Told>;
  readonly outbox: JsonStore<Outbox>;
  readonly reporting: JsonStore<ReportingFile>;
  /** What stands in the place of one of the agent's directories gives up its name; answers with those. Errors: disk/*. */
  readonly mendDirectories: () => Promise<readonly string[]>;
}

/** `deployer.recover()` comes after this and before `run`. */
export function createAgent(options: AgentOptions): Agent {
  const { deployer, onRound = () => undefined } = options;
  let woken = new AbortController();
  const state = createState(options, () => woken.abort());
  const notifier = notifierOf(options, state);

  // Every record from here on, also those of the recovery.
  deployer.onRecord((record) => noteRecord(state, record));

  async function loop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      woken = new AbortController();
      state.pulse.promise('rounds', LONGEST_ROUND_MS);
      await mendOrWarn(options);
      const waitMs = await roundOrPause(state, onRound);
      notifier?.look();
      state.pulse.promise('rounds', waitMs + LONGEST_ROUND_MS);
      if (!signal.aborted) await state.clock.sleep(waitMs, woken.signal);
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    const details = { version: options.agentVersion, previousEnd: options.previousEnd };
    await state.records.ledger.noteStart(details);
    // What an earlier process did and could not write down any more.
    await state.records.ledger.noteDeployments(await deployer.records());
    const ended = aborted(signal).then(() => state.wake());
    deployer.supervise(signal).catch((error) => {
      state.log.error({ err: error }, 'services are no longer supervised');
    });
    void watchFiles(state, signal);
    void state.offers.hints.run(signal);
    await Promise.race([loop(signal), ended]);
    await leave(state);
    await state.records.ledger.note({ event: 'agent-stopped', actor: 'agent', details: {} });
  }

  return { handle: createAdminRoutes(state), run };
}

function notifierOf({ notices, files, clock, log }: AgentOptions, state: AgentState): Notifier | null {
  if (notices === undefined) return null;
  return createNotifier({ notices, told: files.told, clock, log, status: () => readStatus(state) });
}

function createState(options: AgentOptions, wake: () => void): AgentState {
  const { deployer, trees, clock, log, pulse, repository, settings } = options;
  const { instance, agentVersion, drivers, soakMs, files, notices } = options;
  const { approvals, facts, proposals } = files;
  // Nobody else has the channel: whatever says something about this install passes that gate.
  const gate = createReporting(options.channel, files.reporting);
  const { channel } = gate;
  const contact = createServerContact({ ...options, intervalMs: options.pollIntervalMs });
  const state: AgentState = {
    ...{ deployer, trees, clock, log, pulse, wake, notices },
    self: {
      ...{ instance, agentVersion, drivers, soakMs },
      ...(options.machine === undefined ? {} : { machine: options.machine }),
      ...(options.slots === undefined ? {} : { slots: options.slots }),
    },
    offers: {
      contact,
      hints: createHints({
        ...{ ...options, channel },
        onNews() {
          contact.expedite();
          wake();
        },
        onProposals: () => state.offers.proposals.request('unknown'),
      }),
      freshness: (now) => repository.freshness(now),
      ...{ root: () => repository.root(), survey: joined(options.survey) },
      ...{ compile: createCompileCache(), inTurn: createTurns(), latest: createLatest(options.clock) },
      fetchAhead: createFetchAhead({ trees, log, onFetched: wake }),
      weights: createWeights({ ...options, onNews: wake }),
      own: createOwnDeployments({ deploy: (offer) => deployOffer(state, offer), onCommitted: wake, log }),
      proposals: createProposalExchange(() => state, channel),
      bill: options.bill,
      template: (name) => channel.template(name),
    },
    choice: {
      ...{ settings, approvals, facts, inTurn: createTurns() },
      ...{ proposals, proposalsInTurn: createTurns() },
    },
    records: createRecords(options, gate, () => state),
  };
  return state;
}

function createRecords(
  options: AgentOptions,
  { reporting, channel }: ReturnType<typeof createReporting>,
  state: () => AgentState,
): Records {
  const { deployer, log, audit, preview } = options;
  const { approvals, decisions, facts, keptRoots, outbox, proposals, receipts, verification } = options.files;
  const ledger = createLedger(options);
  const witness = createWitness({
    ...{ instance: options.instance.id, audit, ledger, receipts, log, clock: options.clock },
    root: () => options.repository.root(),
  });
  return {
    ...{ audit, decisions, keptRoots, receipts, verification, reporting, preview, ledger, witness },
    reporter: createReporter({
      ...{ channel, outbox, log, witness, isOff: reporting.isOff },
      observe: () => observe(state()),
      records: () => deployer.records(),
      onMark: (mark) => state().offers.proposals.request(mark),
    }),
    damages: () =>
      damagesOf(deployer, [
        ...[approvals, decisions, facts, outbox, proposals, receipts, verification],
        ...[options.files.reporting, channel],
      ]),
  };
}

async function damagesOf(
  deployer: AgentState['deployer'],
  stores: readonly Pick<JsonStore<never>, 'damage'>[],
): Promise<readonly string[]> {
  const lost = await Promise.all([deployer.quarantineDamage(), ...stores.map((store) => store.damage())]);
  return [...lost.filter((one) => one !== null), ...(await deployer.recordDamages())];
}

// A first refresh of a large repository over a line of a few hundred bytes a second.
const LONGEST_ROUND_MS = 6 * 3_600_000;
const PAUSE_AFTER_FAULT_MS = 60_000;

/** A fault of our own must not end the loop that would bring its fix. */
async function roundOrPause(
  state: Assessing & Needs<'log' | 'records' | 'wake'>,
  onRound: (round: RoundSeen) => void,
): Promise<number> {
  try {
    const waitMs = await round(state);
    const { outcome = 'failed' } = state.offers.contact.last() ?? {};
    onRound({
      reached: outcome !== 'failed',
      damages: async () => (await state.records.damages()).length,
    });
    return waitMs;
  } catch (error) {
    state.log.error({ err: error }, 'a round failed');
    return PAUSE_AFTER_FAULT_MS;
  }
}

/** Whatever a hand or a service put there while the agent runs must not last until its next start. */
async function mendOrWarn({ files, log }: AgentOptions): Promise<void> {
  try {
    const mended = await files.mendDirectories();
    if (mended.length > 0) log.error({ mended }, 'what stood in the place of a directory was moved aside');
  } catch (err) {
    log.error({ err }, 'what stands in the place of a directory cannot be moved aside');
  }
}

// Below the 90 seconds systemd grants before it kills; a kill is survived too, with services down until the next start.
const LONGEST_FAREWELL_MS = 80_000;

/** Recovery takes up what is left, at once or after a kill. */
async function leave({ deployer, clock }: Needs<'clock' | 'deployer'>): Promise<void> {
  const patience = new AbortController();
  await Promise.race([deployer.leave(), clock.sleep(LONGEST_FAREWELL_MS, patience.signal)]);
  patience.abort();
}

function noteRecord(state: Needs<'log' | 'records'>, record: DeploymentRecord): void {
  const { id, failure } = record;
  state.log.info({ change: id, state: record.state, failure }, 'a deployment entered a state');
  void state.records.ledger.noteDeployments([record]);
  state.records.reporter.request();
}
