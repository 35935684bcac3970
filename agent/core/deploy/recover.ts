// Recovery: from what the journal and the disk say after a crash to the one way on.
import { FairleadError } from '../../../shared/errors/error.ts';
import { type DeploymentState, isFinal } from '../../../shared/schema/deployment.ts';
import type { Failure, JournalEntry } from '../../../shared/schema/journal.ts';
import { environmentFailure, releaseFailure } from './failure.ts';
import { progressOf } from './progress.ts';
import { isUntouched } from './states.ts';

/** What is known beside the journal. */
export interface RecoveryFacts {
  readonly journalDamaged: boolean;
  /** The generation it came from can be read; true on an instance that was empty. */
  readonly previous: boolean;
  /** The target was committed by this very deployment: a commit is never undone. */
  readonly committed: boolean;
  readonly changedComponents: number;
  /** The very process that was at work asks: its disk failed it, and it did not die. */
  readonly lived: boolean;
}

export type Recovery =
  /** The journal ends in a final state: only the last writes may be missing. */
  | { readonly kind: 'settle' }
  /** The disk proves the commit that a damaged journal no longer tells of. */
  | { readonly kind: 'commit' }
  | { readonly kind: 'abandon'; readonly failure: Failure }
  | { readonly kind: 'resume' }
  | { readonly kind: 'roll-back'; readonly failure: Failure }
  | { readonly kind: 'finish-rollback' }
  | { readonly kind: 'give-up'; readonly failure: Failure };

/**
 * Forward runs of one deployment: a release that takes the machine down is not given a third chance to. A run that ended
 * because its agent was told to stop does not count; one that a disk or a limit ended counts, and blames nobody.
 */
export const MAX_ATTEMPTS = 2;

/** The way on after a crash. A rollback never turns forward again; a deployment that never ends is given up. */
export function recover(entries: readonly JournalEntry[], facts: RecoveryFacts): Recovery {
  const progress = progressOf(entries);
  if (isFinal(progress.state)) return { kind: 'settle' };
  if (facts.journalDamaged) return recoverDamaged(facts);
  if (isUntouched(progress.state)) {
    return { kind: 'abandon', failure: environmentFailure(interrupted(progress.state)) };
  }
  if (progress.entries > maxEntries(facts.changedComponents)) {
    return { kind: 'give-up', failure: environmentFailure(endless(progress.entries)) };
  }
  if (!facts.previous) return { kind: 'give-up', failure: environmentFailure(lost()) };
  if (progress.state === 'rolling-back') return { kind: 'finish-rollback' };
  const attempts = progress.resumed + (progress.left ? 0 : 1);
  if (attempts >= MAX_ATTEMPTS) {
    const { state } = progress;
    const hasLived = facts.lived || progress.lived;
    const failure = hasLived ? environmentFailure(interrupted(state)) : releaseFailure(wentDown(state), null);
    return { kind: 'roll-back', failure };
  }
  return { kind: 'resume' };
}

/** Entries after which a deployment is given up; a reboot loop writes some at each boot. */
export function maxEntries(changedComponents: number): number {
  return 120 + 40 * changedComponents;
}

// Without a trustworthy journal the one safe place is the generation that was healthy before.
function recoverDamaged(facts: RecoveryFacts): Recovery {
  if (facts.committed) return { kind: 'commit' };
  const failure = environmentFailure(new FairleadError('deploy/journal-damaged', {}));
  return facts.previous ? { kind: 'roll-back', failure } : { kind: 'give-up', failure };
}

function interrupted(state: DeploymentState): FairleadError {
  return new FairleadError('deploy/interrupted', { state });
}

/** Apart from an interruption, which is nobody's fault: a release that takes machines down must count against its rollout. */
function wentDown(state: DeploymentState): FairleadError {
  return new FairleadError('deploy/went-down', { state });
}

function endless(entries: number): FairleadError {
  return new FairleadError('deploy/endless', { entries });
}

function lost(): FairleadError {
  return new FairleadError('deploy/generation-lost', {});
}
