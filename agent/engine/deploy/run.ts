// One deployment under way: what it is, how far it got, and the only two ways to note that it got further.
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import type { DeploymentRecord, DeploymentState, Plan } from '../../../shared/schema/deployment.ts';
import type { JournalEntry, Step } from '../../../shared/schema/journal.ts';
import { advance, type Progress, progressOf, recordWith, stepKey } from '../../core/deploy/progress.ts';
import type { DeployEvent } from '../../core/deploy/states.ts';
import type { StoredGeneration } from '../../ports/deployment-store.ts';
import type { DeployerOptions } from './options.ts';

export interface RunFacts {
  /** As it was when the deployment began. */
  readonly record: DeploymentRecord;
  readonly target: StoredGeneration;
  readonly previous: StoredGeneration | null;
  readonly plan: Plan;
  readonly stillAllowed: () => Promise<boolean>;
  readonly acceptUnhealthy: boolean;
}

type Entered = JournalEntry & { readonly kind: 'entered' };

type Noted = Pick<Entered, 'failure' | 'red'>;

/** What a stage ended with, and what the journal should remember of it. */
export type Outcome = { readonly event: DeployEvent } & Noted;

export interface Run extends RunFacts {
  readonly options: DeployerOptions;
  progress(): Progress;
  current(): DeploymentRecord;
  /** Journals the state first: what follows belongs to it. */
  enter(state: DeploymentState, more?: Noted): Promise<void>;
  /** Journals the intent, acts, journals that it is done. Steps are idempotent: a crash between means once more. */
  step(step: Step, act: () => Promise<void>): Promise<void>;
  resumed(): Promise<void>;
}

/** `entries` are those an interrupted deployment already wrote. */
export function createRun(options: DeployerOptions, facts: RunFacts, entries: readonly JournalEntry[]): Run {
  let progress = progressOf(entries);
  const append = async (entry: JournalEntry) => {
    await options.journal.append(entry);
    progress = advance(progress, entry);
  };
  const position = () => ({
    sequence: progress.entries + 1,
    at: formatInstantMs(options.clock.now()),
  });
  const run: Run = {
    ...facts,
    options,
    progress: () => progress,
    current: () => recordWith(facts.record, progress),
    async enter(state, more = {}) {
      await append({ kind: 'entered', ...position(), state, ...more });
      await publish(run);
    },
    async step(step, act) {
      await append({ kind: 'intent', ...position(), step });
      await act();
      await append({ kind: 'done', ...position(), step });
    },
    resumed: () => append({ kind: 'resumed', ...position() }),
  };
  return run;
}

export function isDone(run: Run, step: Step): boolean {
  return run.progress().done.has(stepKey(step));
}

export function wasIntended(run: Run, step: Step): boolean {
  return run.progress().intended.has(stepKey(step));
}

// The journal is the truth and the record its copy for readers: a full disk must not stop a rollback for the copy.
async function publish(run: Run): Promise<void> {
  const { store, onRecord, onWarning } = run.options;
  const record = run.current();
  await store.writeRecord(record).catch(onWarning);
  onRecord(record);
}
