// Recovery: what an earlier process left unfinished is brought to its end.

import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import {
  type DeploymentRecord,
  type DeploymentState,
  type FinalState,
  isFinal,
} from '../../../shared/schema/deployment.ts';
import type { Failure, JournalEntry } from '../../../shared/schema/journal.ts';
import { environmentFailure } from '../../core/deploy/failure.ts';
import { progressOf, recordWith } from '../../core/deploy/progress.ts';
import { selectSettled } from '../../core/deploy/records.ts';
import { type Recovery, recover } from '../../core/deploy/recover.ts';
import { rollbackPlan } from '../../core/deploy/rollback-target.ts';
import { isUntouched, transition } from '../../core/deploy/states.ts';
import type { Clock } from '../../ports/machine.ts';
import type { StoredGeneration, UnfinishedJournal } from '../../ports/state.ts';
import { runToEnd } from './machine.ts';
import type { DeployerOptions } from './options.ts';
import { createRun, type Run } from './run.ts';

/**
 * Ends what is unfinished; `onRun` hears of it before it goes on. `own` is the deployment that this very process had at work
 * before; 0 when there was none. Errors: disk/*.
 */
export async function recoverUnfinished(
  options: DeployerOptions,
  own: number,
  onRun: (run: Run) => void,
): Promise<void> {
  const journal = await findJournal(options);
  if (journal === null) {
    await restoreLink(options);
    return abandonNeverBegun(options);
  }
  if (journal.entries.length === 0 && !journal.damaged) {
    await abandonNeverBegun(options);
    return options.journal.end(journal.deployment);
  }
  const record = (await options.store.records()).find((one) => one.id === journal.deployment);
  // The record is written before the journal: without it the disk lost it, and `current` alone says what should run.
  if (record === undefined) return options.journal.end(journal.deployment);
  const generations = await options.store.generations();
  const target = generations.find((one) => one.number === record.generation);
  const previous = generations.find((one) => one.number === record.previousGeneration) ?? null;
  if (target === undefined) return giveUpLost(options, record, journal, previous);
  const lived = journal.deployment === own;
  const recovery = recover(journal.entries, {
    journalDamaged: journal.damaged,
    previous: previous !== null || record.previousGeneration === null,
    committed: target.committedBy === record.id,
    changedComponents: record.steps.length,
    lived,
  });
  await carryOut(options, recovery, journal, { record, target, previous, lived }, onRun);
}

// A record is a copy of what was journalled: one that got further than its journal proves that the disk lost entries.
async function findJournal({ journal, store }: DeployerOptions): Promise<UnfinishedJournal | null> {
  const read = await journal.read();
  if (read !== null && (read.damaged || read.entries.length > 0)) return read;
  const begun = (await store.records()).find(({ state }) => !isFinal(state) && !isUntouched(state));
  return begun === undefined ? read : { deployment: begun.id, entries: [], damaged: true };
}

// Nothing here leaves a committed instance without `current`: a hand or the disk took the link. Taken for an empty
// instance, it would stay down after the next boot.
async function restoreLink({ store, onWarning }: DeployerOptions): Promise<void> {
  const named = await store.currentNumber().catch((error: unknown) => {
    if (isFairleadError(error, 'disk/unreadable')) return null;
    throw error;
  });
  const settled = named === null ? selectSettled(await store.records()) : null;
  if (settled === null || !(await store.generations()).some(({ number }) => number === settled)) return;
  onWarning(new FairleadError('deploy/current-lost', { generation: settled }));
  await store.setCurrent(settled);
}

interface Found {
  readonly record: DeploymentRecord;
  readonly target: StoredGeneration;
  readonly previous: StoredGeneration | null;
  readonly lived: boolean;
}

async function carryOut(
  options: DeployerOptions,
  recovery: Recovery,
  journal: UnfinishedJournal,
  found: Found,
  onRun: (run: Run) => void,
): Promise<void> {
  const decreed = decreedState(recovery);
  const entries = [...journal.entries];
  if (decreed !== null && journal.damaged) {
    const at = formatInstantMs(options.clock.now());
    entries.push({ kind: 'entered', sequence: entries.length + 1, at, ...decreed });
    await options.journal.replace(journal.deployment, entries);
  }
  const run = resumeRun(options, found, entries);
  onRun(run);
  if (decreed !== null && !journal.damaged) await run.enter(decreed.state, decreed);
  if (recovery.kind === 'resume' || recovery.kind === 'finish-rollback') await takeUp(run, found.lived);
  if (recovery.kind === 'give-up') await options.store.setCurrent(found.previous?.number ?? null);
  await runToEnd(run);
}

async function takeUp(run: Run, lived: boolean): Promise<void> {
  await run.resumed(lived);
  const { state } = run.progress();
  if (state === 'verifying' || state === 'soaking') await run.enter(transition(state, 'interrupted'));
}

function resumeRun(options: DeployerOptions, found: Found, entries: readonly JournalEntry[]): Run {
  const { record, target, previous } = found;
  const plan =
    record.reason.kind === 'rollback' && previous !== null ? rollbackPlan(previous, target) : target.plan;
  // Whatever goes on is past its last safe point: nobody is asked again.
  const asked = { stillAllowed: async () => false, acceptUnhealthy: false, acceptDrift: false };
  return createRun(options, { record, target, previous, plan, ...asked }, entries);
}

/** The state that recovery puts the deployment into, whatever its journal says; null where it just goes on. */
function decreedState(
  recovery: Recovery,
): { readonly state: DeploymentState; readonly failure?: Failure } | null {
  switch (recovery.kind) {
    case 'commit':
      return { state: 'committed' };
    case 'abandon':
      return { state: 'abandoned', failure: recovery.failure };
    case 'roll-back':
      return { state: 'rolling-back', failure: recovery.failure };
    case 'give-up':
      return { state: 'inconsistent', failure: recovery.failure };
    default:
      return null;
  }
}

// The disk lost the very generation that was being deployed: what was there before is all that can run.
async function giveUpLost(
  options: DeployerOptions,
  record: DeploymentRecord,
  journal: UnfinishedJournal,
  previous: StoredGeneration | null,
): Promise<void> {
  const { store, clock, onRecord } = options;
  const progress = progressOf(journal.entries);
  if (!isFinal(progress.state)) {
    const lost = new FairleadError('deploy/generation-lost', {});
    const given = endedRecord({ ...record, stages: [...progress.stages] }, 'inconsistent', lost, clock);
    await store.setCurrent(previous?.number ?? null);
    await store.writeRecord(given);
    onRecord(given);
  } else {
    await store.writeRecord(recordWith(record, progress));
  }
  await options.journal.end(record.id);
}

// A crash before the journal's first entry: the record tells of a deployment that never touched anything.
async function abandonNeverBegun(options: DeployerOptions): Promise<void> {
  const { store, clock, onRecord } = options;
  const current = await store.currentNumber();
  for (const record of await store.records()) {
    if (isFinal(record.state)) continue;
    const interrupted = new FairleadError('deploy/interrupted', { state: record.state });
    const ended = endedRecord(record, 'abandoned', interrupted, clock);
    if (record.reason.kind !== 'rollback' && record.generation !== current) {
      await store.removeGeneration(record.generation);
    }
    await store.writeRecord(ended);
    onRecord(ended);
  }
}

/** Ended by what the disk says, where there is no journal to go on with. */
function endedRecord(
  record: DeploymentRecord,
  state: FinalState,
  because: FairleadError,
  clock: Clock,
): DeploymentRecord {
  const { code, message } = environmentFailure(because);
  const stages = [...record.stages, { state, at: formatInstantMs(clock.now()) }];
  return { ...record, state, stages, failure: { code, message } };
}
