// The agent's driver: what it starts takes the place of the process that it runs in, and has to prove itself there.
import { basename, dirname, join } from 'node:path';
import { type Digest, digestFromHex } from '../../../../shared/encoding/digest.ts';
import { formatInstant, instantMs } from '../../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../../shared/encoding/text.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { aborted } from '../../../../shared/node/turns.ts';
import {
  type AgentSlot,
  describeMissing,
  otherAgentSlot,
  planOwnStart,
  proofOf,
  runsOwn,
  type Shown,
  type SlotFacts,
  type SlotNote,
  type TrialNote,
  trialStageOf,
} from '../../../core/deploy/agent-slots.ts';
import { HandedOver } from '../../../core/deploy/failure.ts';
import type { Driver, UnitOf } from '../../../ports/deploy.ts';
import type { Clock, OwnProcess } from '../../../ports/machine.ts';
import type { AgentSlots } from '../../machine/agent-slots.ts';
import { AGENT_UNIT } from '../../machine/agent-unit.ts';
import { runTool } from '../../machine/run-tool.ts';
import { toolEnvironment } from '../../machine/surroundings.ts';
import { readIndex } from '../../tree-store/layout.ts';
import { readJournal, settleJournal } from '../systemd/systemctl.ts';

export interface AgentDriverOptions {
  readonly slots: AgentSlots;
  readonly own: OwnProcess;
  readonly clock: Clock;
  /** Asks an executable for its version; runs it unless given. Error: service/not-runnable. */
  readonly versionOf?: (executable: string) => Promise<string>;
}

type AgentUnit = UnitOf<'agent'>;

/** Below the ten minutes that the unit grants a start: whoever is on trial goes back by itself, and says why. */
export const PROOF_MS = 8 * 60_000;
const VERSION_MS = 30_000;
const LOG_LINES = 2_000;

export function createAgentDriver(options: AgentDriverOptions): Driver<AgentUnit> {
  const { slots, own, clock } = options;
  /** No trial is left to conclude: asked every other second, the disk need not be. */
  let isSettled = false;

  function handOver(): never {
    own.handOver();
    throw new HandedOver();
  }

  const fill = (slot: AgentSlot, unit: AgentUnit) =>
    slots.fill(slot, programOf(unit), (digest, copy) => describeCopy(options, unit, digest, copy));

  async function startTrial(unit: AgentUnit, facts: SlotFacts): Promise<void> {
    const plan = planOwnStart(facts, unit);
    const { component, identity } = unit;
    switch (plan.kind) {
      case 'prove':
        if (facts.trial !== null && trialStageOf(facts) === 'open') await prove(options, facts.trial);
        return;
      case 'returned':
        throw new FairleadError('service/start-failed', { component, problem: RETURNED });
      case 'missing':
        throw new FairleadError('service/slot-damaged', { component, problem: 'no slot is current' });
      default:
        break;
    }
    if (!own.inSlots) throw new FairleadError('service/no-slots', { component });
    if (plan.kind === 'fill') await fill(plan.to, unit);
    if (!(await slots.isIntact(plan.to))) {
      const problem = 'its executable is not what was put there';
      throw new FairleadError('service/slot-damaged', { component, problem });
    }
    isSettled = false;
    await slots.beginTrial(plan, {
      schema: 'fairlead/agent-trial@1',
      ...{ component, identity, slot: plan.to, from: plan.from },
      began: formatInstant(clock.now()),
      needsServer: own.has('server'),
      damages: await own.damages(),
    });
    handOver();
  }

  return {
    async prepare(unit) {
      const { component } = unit;
      const { current, notes, trial, wayBack } = await slots.read();
      const running = current === null ? null : notes[current];
      if (!own.inSlots || current === null || running === null) {
        throw new FairleadError('service/no-slots', { component });
      }
      const other = running.component ?? component;
      if (other !== component) throw new FairleadError('service/other-agent', { component, other });
      // Of a deployment that ended without concluding it; its way back is the very slot that is needed now.
      if (trial !== null || wayBack !== null) await slots.conclude();
      if (running.identity === unit.identity) return;
      const spare = otherAgentSlot(current);
      if (isOf(notes[spare], unit) && (await slots.isIntact(spare))) return;
      await fill(spare, unit);
    },
    start: async (unit) => startTrial(unit, await slots.read()),
    async stop(component) {
      const facts = await slots.read();
      if (facts.trial?.component !== component) return 'stopped';
      const stage = trialStageOf(facts);
      if (stage === 'prepared') await slots.conclude();
      if (stage !== 'open') return 'stopped';
      await slots.goBack();
      return handOver();
    },
    async status(component) {
      const { current, notes } = await slots.read();
      const isOurs = current !== null && notes[current]?.component === component;
      return isOurs ? { kind: 'running', pid: own.pid } : { kind: 'absent' };
    },
    runs: async (unit) => runsOwn(await slots.read(), unit),
    exited: (_, signal) => aborted(signal),
    async logs(component, keepBytes, since) {
      const { current, notes, trial } = await slots.read();
      if (current === null || notes[current]?.component !== component) return '';
      await settleJournal();
      const began = trial === null ? null : instantMs(trial.began);
      const from = since === 'start' ? began : (since ?? null);
      return readJournal(AGENT_UNIT, { lines: LOG_LINES, keepBytes, since: from });
    },
    ranOnce: async () => [],
    maintain: async () => undefined,
    async keepOnly(component) {
      if (isSettled) return;
      const { trial, wayBack } = await slots.read();
      if (trial !== null && trial.component !== component) return;
      if (trial !== null) await slots.conclude();
      isSettled = trial !== null || wayBack === null;
      if (trial !== null) own.prove();
    },
  };
}

const RETURNED =
  'the agent before it was started again by the service manager: three starts of this one ended without a proof';

/** Errors: service/start-failed, service/agent-cut-off; HandedOver where this process ends before. */
async function prove({ slots, own, clock }: AgentDriverOptions, trial: TrialNote): Promise<void> {
  const { component } = trial;
  own.note('deployment');
  const patience = new AbortController();
  let isOver = false;
  const deadline = clock.sleep(PROOF_MS, patience.signal).then(() => {
    isOver = true;
  });
  const end = aborted(own.ending);
  try {
    for (;;) {
      const change = own.changed();
      const missing = await missingOf(own, trial);
      if (own.ending.aborted) throw new HandedOver();
      if (missing.length === 0) break;
      if (isOver) throw unproved(component, missing);
      await Promise.race([change, deadline, end]);
    }
  } finally {
    patience.abort();
  }
  await slots.renew();
  own.prove();
}

async function missingOf(own: OwnProcess, trial: TrialNote): Promise<readonly Shown[]> {
  const damages = await own.damages();
  const readsAll = damages !== null && damages <= (trial.damages ?? damages);
  return proofOf(trial).filter((shown) => !(shown === 'state' ? readsAll : own.has(shown)));
}

/** A server that is away is nobody's fault; whatever else is missing is the new agent's. */
function unproved(component: string, missing: readonly Shown[]): FairleadError {
  const seconds = PROOF_MS / 1000;
  if (missing.every((shown) => shown === 'server')) {
    return new FairleadError('service/agent-cut-off', { component, seconds });
  }
  const problem = `it did not prove itself within ${seconds} s: ${missing.map(describeMissing).join('; ')}`;
  return new FairleadError('service/start-failed', { component, problem });
}

function isOf(note: SlotNote | null, { component, identity }: AgentUnit): boolean {
  return note !== null && note.component === component && note.identity === identity;
}

function programOf({ workingDirectory, exec: [program] }: AgentUnit): string {
  return join(workingDirectory, program);
}

/** The copy is held against the signed index, not against the file it was made from. Errors: deploy/tree-damaged, service/not-runnable. */
async function describeCopy(
  { versionOf = askVersion }: AgentDriverOptions,
  unit: AgentUnit,
  digest: Digest,
  copy: string,
): Promise<SlotNote> {
  const { component, identity, workingDirectory } = unit;
  const [path, tree] = [join(unit.exec[0]), dirname(workingDirectory)];
  const index = await readIndex(tree, digestFromHex(basename(tree).slice(0, 64)));
  const entry = index?.entries.find((one) => one.path === path);
  if (entry?.kind !== 'file' || entry.digest !== digest) {
    const problem = entry === undefined ? 'missing' : 'changed';
    throw new FairleadError('deploy/tree-damaged', { component, path, problem });
  }
  const version = await versionOf(copy);
  return { schema: 'fairlead/agent-slot@1', version, digest, component, identity };
}

/** What cannot even say its version here would not start: another processor's, or a disk that runs no programs. */
async function askVersion(executable: string): Promise<string> {
  const { status, stdout, detail } = await runTool({
    argv: [executable, '--version'],
    env: toolEnvironment(),
    workingDirectory: '/',
    timeoutMs: VERSION_MS,
  });
  const version = sanitizeLine(stdout.trim(), 100);
  if (status === 0 && version !== '') return version;
  throw new FairleadError('service/not-runnable', { program: executable, problem: detail });
}
