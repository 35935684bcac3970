// One deployment under way: what it is, how far it got, and the only two ways to note that it got further.
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import {
  type DeploymentRecord,
  type DeploymentState,
  isFinal,
  type Plan,
} from '../../../shared/schema/deployment.ts';
import type { JournalEntry, Step } from '../../../shared/schema/journal.ts';
import { selectServing } from '../../core/deploy/blue-green.ts';
import { advance, type Progress, progressOf, recordWith, stepKey } from '../../core/deploy/progress.ts';
import { canBeLeft, type DeployEvent, isUntouched } from '../../core/deploy/states.ts';
import type { PlacedComponent } from '../../ports/deploy.ts';
import type { StoredGeneration } from '../../ports/state.ts';
import type { DeployerOptions } from './options.ts';
import { createWayBack, type WayBack } from './way-back.ts';

export interface RunFacts {
  /** As it was when the deployment began. */
  readonly record: DeploymentRecord;
  readonly target: StoredGeneration;
  readonly previous: StoredGeneration | null;
  readonly plan: Plan;
  readonly stillAllowed: (soakMs: number) => Promise<boolean>;
  readonly acceptUnhealthy: boolean;
  /** Go on though the files of what is left are damaged and cannot be mended. */
  readonly acceptDrift: boolean;
}

type Position = Pick<JournalEntry, 'sequence' | 'at'>;
type Entered = JournalEntry & { readonly kind: 'entered' };

type Noted = Pick<Entered, 'failure' | 'red' | 'degraded' | 'drift' | 'once' | 'pulled'>;

/** What the journal should remember of a step. */
type Done = Pick<JournalEntry & { readonly kind: 'done' }, 'fetched' | 'once'>;

/** What a stage ended with, and what the journal should remember of it. */
export type Outcome = { readonly event: DeployEvent } & Noted;

export interface Run extends RunFacts {
  readonly options: DeployerOptions;
  progress(): Progress;
  current(): DeploymentRecord;
  /** Journals the state first: what follows belongs to it. */
  enter(state: DeploymentState, more?: Noted): Promise<void>;
  /** Journals the intent, acts, journals that it is done. Steps are idempotent: a crash between means once more. */
  step(step: Step, act: () => Promise<Done | void>): Promise<void>;
  resumed(lived: boolean): Promise<void>;
  /** Journals that the agent was told to stop, and lets go at the next state that can be left. */
  leave(): Promise<void>;
  readonly left: AbortSignal;
  /** Whose version before goes on serving until the new one is healthy beside it. */
  readonly serving: ReadonlySet<ComponentKey>;
  /** Asks for a forced patch's sake: what touched nothing yet ends so, a soak is cut short, anything else goes on. */
  giveWay(): void;
  readonly yielded: AbortSignal;
  readonly wayBack: WayBack;
}

/** `entries` are those an interrupted deployment already wrote. */
export function createRun(options: DeployerOptions, facts: RunFacts, entries: readonly JournalEntry[]): Run {
  const left = new AbortController();
  const yielded = new AbortController();
  const { progress, append } = createNotes(options, entries, left.signal);
  let heading: DeploymentState = progress().state;
  let leaving: Promise<void> | null = null;
  async function letGo(): Promise<void> {
    if (isFinal(progress().state)) return;
    await append((position) => ({ kind: 'left', ...position })).catch(options.onWarning);
    left.abort();
  }
  const run: Run = {
    ...facts,
    options,
    progress,
    current: () => recordWith(facts.record, progress()),
    async enter(state, more = {}) {
      heading = state;
      await append((position) => ({ kind: 'entered', ...position, state, ...more }));
      await publish(run);
    },
    async step(step, act) {
      await append((position) => ({ kind: 'intent', ...position, step }));
      const done = await act();
      await append((position) => ({ kind: 'done', ...position, step, ...done }));
    },
    resumed: (lived) => append((position) => ({ kind: 'resumed', ...position, ...(lived ? { lived } : {}) })),
    leave() {
      leaving ??= letGo();
      return leaving;
    },
    left: left.signal,
    serving: selectServing(facts),
    giveWay() {
      if (isUntouched(heading) || heading === 'soaking') yielded.abort();
    },
    yielded: yielded.signal,
    wayBack: createWayBack(options, facts),
  };
  return run;
}

/** The journal and what it says so far. One entry after the other: leaving is journalled beside whatever is under way. */
function createNotes(options: DeployerOptions, entries: readonly JournalEntry[], left: AbortSignal) {
  let progress = progressOf(entries);
  const inTurn = createTurns();
  return {
    progress: () => progress,
    append: (entry: (position: Position) => JournalEntry): Promise<void> =>
      inTurn(async () => {
        // What was let go may still be at work for a moment: the journal is the next agent's, or the next deployment's, by now.
        if (left.aborted && canBeLeft(progress.state)) throw new FairleadError('deploy/agent-stops', {});
        if (isFinal(progress.state)) throw new FairleadError('deploy/gave-way', {});
        const at = formatInstantMs(options.clock.now());
        const written = entry({ sequence: progress.entries + 1, at });
        await options.journal.append(written);
        progress = advance(progress, written);
      }),
  };
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

/** Errors: service/no-room, deploy/hook-failed, deploy/smoke-failed, with the last line the command wrote. */
export async function runCommands(
  run: Run,
  component: PlacedComponent,
  kind: 'preflight' | 'snapshot' | 'restore' | 'smoke',
): Promise<void> {
  for (const command of component[kind]) {
    const result = await run.options.prober.probe(command, new AbortController().signal);
    if (result.healthy) continue;
    const data = { component: component.component, detail: result.detail };
    if (result.starved === true)
      throw new FairleadError('service/no-room', { component: data.component, problem: data.detail });
    if (kind === 'smoke') throw new FairleadError('deploy/smoke-failed', data);
    throw new FairleadError('deploy/hook-failed', { ...data, hook: kind });
  }
}
