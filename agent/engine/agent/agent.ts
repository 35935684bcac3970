// The running agent: supervise, then round after round ask, decide, apply and report.
import { createCompileCache } from '../../../shared/compile/cache.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { AdminHandler } from '../../ports/admin-api.ts';
import { createAdminRoutes } from './admin-routes.ts';
import { createFetchAhead } from './fetch-ahead.ts';
import { createLedger } from './ledger.ts';
import { createReporter } from './reporter.ts';
import { round } from './round.ts';
import { createServerContact } from './server-contact.ts';
import type { AgentOptions, AgentState } from './state.ts';
import { observe } from './status.ts';
import { watchFiles } from './upkeep.ts';

export interface Agent {
  /** Answers the admin socket. */
  readonly handle: AdminHandler;
  /** To be called at every state a deployment enters. */
  onRecord(record: DeploymentRecord): void;
  /** Until the signal aborts. Services go on: stopping the agent never stops the customer's platform. */
  run(signal: AbortSignal): Promise<void>;
}

/** `deployer.recover()` comes before `run`. */
export function createAgent(options: AgentOptions): Agent {
  let woken = new AbortController();
  const state: AgentState = {
    ...options,
    contact: createServerContact({ ...options, intervalMs: options.pollIntervalMs }),
    reporter: createReporter({
      ...options,
      observe: () => observe(state),
      records: () => options.deployer.records(),
    }),
    ledger: createLedger(options),
    fetchAhead: createFetchAhead(options),
    compile: createCompileCache(),
    approvalTurn: createTurns(),
    wake: () => woken.abort(),
  };

  async function loop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      woken = new AbortController();
      state.pulse.promise('rounds', LONGEST_ROUND_MS);
      const waitMs = await roundOrPause(state);
      state.pulse.promise('rounds', waitMs + LONGEST_ROUND_MS);
      if (!signal.aborted) await state.clock.sleep(waitMs, woken.signal);
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    const details = { version: state.agentVersion, previousEnd: state.previousEnd };
    await state.ledger.noteStart(details);
    // What an earlier process did and could not write down any more.
    await state.ledger.noteDeployments(await state.deployer.records());
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(state.wake()), { once: true });
    });
    state.deployer.supervise(signal).catch((error) => {
      state.log.error({ err: error }, 'services are no longer supervised');
    });
    void watchFiles(state, signal);
    await Promise.race([loop(signal), aborted]);
    await leave(state);
    await state.ledger.note({ event: 'agent-stopped', actor: 'agent', details: {} });
  }

  return { handle: createAdminRoutes(state), onRecord: (record) => noteRecord(state, record), run };
}

// A first refresh of a large repository over a line of a few hundred bytes a second.
const LONGEST_ROUND_MS = 6 * 3_600_000;
const PAUSE_AFTER_FAULT_MS = 60_000;

/** A fault of our own must not end the loop that would bring its fix. */
async function roundOrPause(state: AgentState): Promise<number> {
  try {
    return await round(state);
  } catch (error) {
    state.log.error({ err: error }, 'a round failed');
    return PAUSE_AFTER_FAULT_MS;
  }
}

// Below the 90 seconds systemd grants before it kills; a kill is survived too, with services down until the next start.
const LONGEST_FAREWELL_MS = 80_000;

/** Recovery takes up what is left, at once or after a kill. */
async function leave({ deployer, clock }: AgentState): Promise<void> {
  const patience = new AbortController();
  await Promise.race([deployer.leave(), clock.sleep(LONGEST_FAREWELL_MS, patience.signal)]);
  patience.abort();
}

function noteRecord(state: AgentState, record: DeploymentRecord): void {
  const { id, failure } = record;
  state.log.info({ change: id, state: record.state, failure }, 'a deployment entered a state');
  void state.ledger.noteDeployments([record]);
  state.reporter.request();
}
