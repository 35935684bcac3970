// The agent around an instance's deployments: its real engine and files. The vendor has signed what the catalog says.

import { createSettings } from '../../../agent/adapters/state/settings.ts';
import { createStateFiles } from '../../../agent/adapters/state/state-files.ts';
import type { AuditEvent } from '../../../agent/core/audit-chain.ts';
import type { Offer } from '../../../agent/core/conclude.ts';
import { createAdminRoutes } from '../../../agent/engine/agent/admin-routes.ts';
import { deployOffer } from '../../../agent/engine/agent/deployments.ts';
import { createLatest } from '../../../agent/engine/agent/latest.ts';
import { createLedger } from '../../../agent/engine/agent/ledger.ts';
import { round } from '../../../agent/engine/agent/round.ts';
import type { AgentState } from '../../../agent/engine/agent/state.ts';
import { createPulse } from '../../../agent/engine/deploy/signs.ts';
import { createCompileCache } from '../../../shared/compile/compile.ts';
import { type Catalog, EMPTY_CATALOG } from '../../../shared/compile/releases.ts';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { writeDurably } from '../../../shared/node/durable-file.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import { DEFAULT_POLICY } from '../../../shared/schema/policy.ts';
import { rollout } from '../../../shared/schema/rollout.ts';
import type { Deployable } from '../../support/deploy-releases.ts';
import { NO_WITNESS } from '../../support/receipts.ts';
import type { Instance } from './laboratory.ts';

/** What a round begins is waited for, and whatever it fails with is heard: the kills that are tried here must not be outlived. */
export async function roundToEnd(state: AgentState): Promise<void> {
  let begun: Promise<unknown> = Promise.resolve();
  const own = {
    ...state.offers.own,
    begin(offer: Offer) {
      begun = deployOffer(state, offer).catch((error: unknown) => {
        if (!isFairleadError(error)) throw error;
      });
      begun.catch(() => undefined);
    },
  };
  await round({ ...state, offers: { ...state.offers, own } });
  await begun;
}

/** As after the first successful round of a process. */
export function agentOf(instance: Instance, catalog: Catalog): AgentState {
  const { stateDir, clock, deployer, trees, audit, warnings } = instance;
  const warn = (problem: unknown) => void warnings.push(problem);
  const files = stateFilesOf(instance);
  const settings = createSettings(stateDir, `${stateDir}/instance.json`);
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (_fields: object, message: string) => warn(new Error(message)),
  };
  return {
    ...{ clock, deployer, trees, log },
    self: {
      instance: {
        id: '0f0e0d0c-0b0a-4908-8706-050403020100',
        name: 'laboratory',
        server: 'https://vendor.test',
      },
      agentVersion: '1.0.0',
    },
    offers: {
      contact: {
        open: async () => undefined,
        ask: async () => undefined,
        catalog: () => catalog,
        last: () => null,
        askingMs: () => null,
        expedite: () => undefined,
        dueAt: () => Number.POSITIVE_INFINITY,
      },
      hints: { run: async () => undefined, state: () => null },
      freshness: (now) => ({ state: 'fresh', expires: now + 86_400_000 }),
      root: () => null,
      survey: async () => [],
      compile: createCompileCache(),
      inTurn: createTurns(),
      latest: createLatest(clock),
      // What runs beside the rounds would outlive the kills that are tried here: see roundToEnd.
      fetchAhead: { begin: () => undefined },
      weights: { known: () => new Map(), look: () => undefined, settled: async () => undefined },
      own: { begin: () => undefined, problem: () => null },
      proposals: { request: () => undefined, settled: async () => undefined },
      template: () => Promise.reject(new TypeError('nobody offers a template here')),
      bill: () => Promise.reject(new TypeError('nobody compares packages here')),
    },
    choice: {
      settings,
      approvals: files.approvals,
      facts: files.facts,
      inTurn: createTurns(),
      proposals: files.proposals,
      proposalsInTurn: createTurns(),
    },
    records: {
      audit,
      ledger: createLedger({ audit, settings, log }),
      reporting: { isOff: async () => false, write: async () => undefined },
      preview: async () => [],
      reporter: {
        next: () => Promise.reject(new TypeError('nobody looks at what would be said here')),
        request: () => undefined,
        settled: async () => undefined,
        undelivered: async () => 0,
        word: () => ({ refusal: null, twinsHeard: null }),
      },
      witness: NO_WITNESS,
      receipts: files.receipts,
      keptRoots: files.keptRoots,
      decisions: files.decisions,
      verification: files.verification,
      damages: async () => [],
    },
    pulse: createPulse(clock),
    wake: () => undefined,
  };
}

export function stateFilesOf({ stateDir, warnings }: Instance) {
  return createStateFiles(stateDir, (problem) => void warnings.push(new Error(problem)));
}

/** One request as it comes through the socket. */
export function askAgent(instance: Instance, method: string, path: string, body: object): Promise<unknown> {
  const handle = createAdminRoutes(agentOf(instance, EMPTY_CATALOG));
  return handle({ method, path, body: utf8(JSON.stringify(body)), actor: 'ada' });
}

export async function isAudited({ audit }: Instance, event: AuditEvent['event']): Promise<boolean> {
  return (await audit.entries()).some((entry) => entry.event === event);
}

/** The policy as the installer leaves it: everything waits for a yes. */
export async function writePolicy({ stateDir }: Instance): Promise<void> {
  const policy = { ...DEFAULT_POLICY, channel: 'manual' };
  await writeDurably(`${stateDir}/settings.json`, Buffer.from(JSON.stringify(policy)));
}

/** Everything in them is offered to everybody. */
export function catalogOf(...deployables: readonly Deployable[]): Catalog {
  const releases = deployables.flatMap((one) => [...one.releases.values()]);
  const rollouts = releases.map(({ document: { suite, name, version }, digest }) =>
    rollout.parse({
      schema: 'fairlead/rollout@1',
      release: { kind: 'capability', suite, name, version },
      digest,
      track: 'stable',
      seed: 'seed',
      start: '2026-01-01T00:00:00Z',
      waves: [{ percent: 100, after: 'PT0S' }],
    }),
  );
  return { ...EMPTY_CATALOG, releases, rollouts };
}
