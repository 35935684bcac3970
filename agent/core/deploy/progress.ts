// What a journal says about its deployment: the state reached, why it failed, what was intended and done.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type {
  DeploymentRecord,
  DeploymentState,
  Drift,
  Fetched,
  Pulled,
  RanOnce,
} from '../../../shared/schema/deployment.ts';
import type { Failure, JournalEntry, Step } from '../../../shared/schema/journal.ts';

export interface Progress {
  readonly state: DeploymentState;
  readonly stages: DeploymentRecord['stages'];
  /** The first failure: what the rollback answers and the quarantine judges. */
  readonly failure: Failure | null;
  /** Why a person is needed, when one is. */
  readonly ending: Failure | null;
  /** Unhealthy before anything was touched: never held against the release. */
  readonly red: ReadonlySet<ComponentKey>;
  /** Degraded after their commit: the culprits a rollback leaves behind. */
  readonly degraded: ReadonlySet<ComponentKey>;
  /** How the files of what it left looked. */
  readonly drift: readonly Drift[];
  /** What was fetched, and how. */
  readonly fetched: ReadonlyMap<ComponentKey, Fetched>;
  /** What ran once at the starts of the way forward. */
  readonly once: ReadonlyMap<ComponentKey, readonly RanOnce[]>;
  /** What came from registries of images before the first stop. */
  readonly pulled: Pulled | null;
  /** Steps of the way forward that were begun: their effects may be there. */
  readonly intended: ReadonlySet<string>;
  readonly done: ReadonlySet<string>;
  /** How often the way was taken up again. */
  readonly resumed: number;
  /** At least once by the process that had been at work: something around it had failed, not the release. */
  readonly lived: boolean;
  /** The process at work was told to stop: its end is no crash. */
  readonly left: boolean;
  readonly entries: number;
}

const NO_PROGRESS: Progress = {
  state: 'planned',
  stages: [],
  failure: null,
  ending: null,
  red: new Set(),
  degraded: new Set(),
  drift: [],
  fetched: new Map(),
  once: new Map(),
  pulled: null,
  intended: new Set(),
  done: new Set(),
  resumed: 0,
  lived: false,
  left: false,
  entries: 0,
};

export function progressOf(entries: readonly JournalEntry[]): Progress {
  return entries.reduce(advance, NO_PROGRESS);
}

export function advance(progress: Progress, entry: JournalEntry): Progress {
  const next = { ...progress, entries: progress.entries + 1 };
  switch (entry.kind) {
    case 'entered':
      return {
        ...next,
        state: entry.state,
        stages: [...progress.stages, { state: entry.state, at: entry.at }],
        failure: progress.failure ?? entry.failure ?? null,
        ending: entry.state === 'inconsistent' ? (entry.failure ?? null) : null,
        red: entry.red === undefined ? progress.red : new Set(entry.red),
        degraded: entry.degraded === undefined ? progress.degraded : new Set(entry.degraded),
        drift: entry.drift ?? progress.drift,
        once: onceWith(progress, entry.failure?.component ?? null, entry.once),
        pulled: entry.pulled ?? progress.pulled,
      };
    case 'intent':
      if (progress.state === 'rolling-back') return next;
      return { ...next, intended: new Set([...progress.intended, stepKey(entry.step)]) };
    case 'done':
      return {
        ...next,
        done: new Set([...progress.done, stepKey(entry.step)]),
        fetched: fetchedWith(progress, entry),
        once: onceWith(progress, entry.step.component, entry.once),
      };
    case 'resumed':
      return {
        ...next,
        resumed: progress.resumed + (progress.left ? 0 : 1),
        lived: progress.lived || entry.lived === true,
        left: false,
      };
    case 'left':
      return { ...next, left: true };
  }
}

function fetchedWith(
  { fetched }: Progress,
  { step: { component }, fetched: now }: JournalEntry & { readonly kind: 'done' },
): Progress['fetched'] {
  return now === undefined || component === null ? fetched : new Map([...fetched, [component, now]]);
}

/** What the version before runs on the way back is no outcome of this deployment. */
function onceWith(
  { once, state }: Progress,
  component: ComponentKey | null,
  now: readonly RanOnce[] | undefined,
): Progress['once'] {
  const isNone = now === undefined || component === null || state === 'rolling-back';
  return isNone ? once : new Map([...once, [component, now]]);
}

export function stepKey(step: Step): string {
  return step.component === null ? step.action : `${step.action} ${step.component}`;
}

/** The record with what the journal adds to it. */
export function recordWith(record: DeploymentRecord, progress: Progress): DeploymentRecord {
  const told = progress.ending ?? progress.failure;
  const failure = told && { code: told.code, message: told.message };
  const unhealthyBefore = progress.red.size === 0 ? {} : { unhealthyBefore: [...progress.red] };
  const drift = progress.drift.length === 0 ? {} : { drift: [...progress.drift] };
  const came = [...progress.fetched].map(([component, one]) => ({ component, ...one }));
  const fetched = came.length === 0 ? {} : { fetched: came };
  const ran = [...progress.once].flatMap(([component, all]) => all.map((one) => ({ component, ...one })));
  const once = ran.length === 0 ? {} : { once: ran };
  const pulled = progress.pulled === null ? {} : { pulled: progress.pulled };
  const { state, stages } = progress;
  return {
    ...record,
    state,
    stages: [...stages],
    failure,
    ...unhealthyBefore,
    ...drift,
    ...fetched,
    ...once,
    ...pulled,
  };
}
