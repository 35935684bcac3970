// The vendor's pipeline: which stage a change may enter next, and whether a record could have come about that way.
import { type Digest, digestOfValue } from '../encoding/digest.ts';
import { instantMs } from '../encoding/instant.ts';
import { FairleadError } from '../errors/error.ts';
import type { ChangeFields, ChangeRecord, Stage, StageEvent } from './change.ts';
import { chainHead, intakeOf } from './change.ts';

type Unchained<Event> = Event extends unknown ? Omit<Event, 'previous'> : never;

/** An event as a command reports it; its place in the chain is found here. */
export type StageInput = Unchained<StageEvent>;

/** What follows a stage, by its outcome. A change may only ever move along these arrows. */
const NEXT: Readonly<Record<StageEvent['stage'], Readonly<Record<StageEvent['outcome'], Stage | null>>>> = {
  intake: { passed: 'build', failed: null },
  build: { passed: 'verification', failed: null },
  verification: { passed: 'release', failed: 'verification' },
  release: { passed: 'deploy', failed: null },
  deploy: { passed: 'post-deploy', failed: null },
  'post-deploy': { passed: 'completion', failed: 'completion' },
  completion: { passed: null, failed: null },
  abandonment: { passed: null, failed: null },
};

/** Until its release is signed a change is nobody's business but the vendor's. */
const ABANDONABLE: ReadonlySet<Stage> = new Set(['build', 'verification', 'release']);

/** Stage 1: a change begins, traceable to a source revision and with its scope. */
export function openChange(fields: ChangeFields, at: string, actor: string): ChangeRecord {
  const record: ChangeRecord = {
    schema: 'fairlead/change@1',
    ...intakeOf(fields),
    stages: [],
    release: null,
    tree: null,
    result: 'open',
  };
  return append(record, { stage: 'intake', outcome: 'passed', details: {}, at, actor });
}

/**
 * The record with one more stage passed. Refuses every skip, repeat, reordering and exchanged artifact.
 * Errors: vendor/stage-not-due, vendor/change-closed, vendor/digest-mismatch, vendor/outcome-mismatch,
 * vendor/clock-behind, vendor/record-invalid, vendor/released.
 */
export function transition(record: ChangeRecord, event: StageInput): ChangeRecord {
  if (event.stage === 'abandonment') verifyAbandonable(record);
  else verifyStageIsDue(record, event.stage);
  checkTime(record, event.at);
  if (event.stage === 'abandonment') return append(record, event);
  if (event.stage !== 'build' && event.stage !== 'intake') checkArtifact(record, event);
  if (event.stage === 'build') checkBuild(record, event.details.tree !== null);
  if (event.stage === 'completion') checkOutcome(record, event.outcome);
  return append(record, event);
}

/** The stage a change must enter next; null when it has ended. */
export function stageDue(record: ChangeRecord): Stage | null {
  const last = record.stages.at(-1);
  return last === undefined ? 'intake' : NEXT[last.stage][last.outcome];
}

/** Errors: vendor/change-closed, vendor/released. */
export function verifyAbandonable(record: ChangeRecord): void {
  const due = stageDue(record);
  if (due === null) {
    const { id: change, result } = record;
    throw new FairleadError('vendor/change-closed', { change, stage: 'abandonment', result });
  }
  if (!ABANDONABLE.has(due)) {
    throw new FairleadError('vendor/released', { change: record.id, release: formatRelease(record) });
  }
}

/** Errors: vendor/stage-not-due, vendor/change-closed. */
export function verifyStageIsDue(record: ChangeRecord, stage: Stage): void {
  const due = stageDue(record);
  if (due === stage) return;
  if (due === null) {
    throw new FairleadError('vendor/change-closed', { change: record.id, stage, result: record.result });
  }
  const command = commandFor(record, due);
  throw new FairleadError('vendor/stage-not-due', { change: record.id, stage, due, command });
}

/** Digest of the release that a change has built. Error: vendor/stage-not-due before the build. */
export function builtRelease(record: ChangeRecord, stage: Stage): Digest {
  if (record.release !== null) return record.release;
  const command = commandFor(record, 'build');
  throw new FairleadError('vendor/stage-not-due', { change: record.id, stage, due: 'build', command });
}

/**
 * Replays a record from its first event: it stands only if the pipeline would have written exactly this.
 * Errors: those of `transition`; vendor/record-invalid.
 */
export function verifyChangeRecord(record: ChangeRecord): void {
  const [first, ...rest] = record.stages;
  if (first === undefined) throw invalid(record, 'it has no stages');
  let replayed = openChange(record, first.at, first.actor);
  if (digestOfValue(replayed.stages[0] ?? null) !== digestOfValue(first)) {
    throw invalid(record, 'its intake does not match its component, version, revision and scope');
  }
  for (const { previous, ...event } of rest) {
    if (previous !== chainHead(replayed)) {
      throw invalid(record, `the event before ${event.stage} at ${event.at} was changed or removed`);
    }
    replayed = transition(replayed, event);
  }
  if (digestOfValue(replayed) !== digestOfValue(record)) {
    throw invalid(record, 'its release, tree or result is not what its stages say');
  }
}

/** The newest event of a stage. */
export function eventOf<S extends StageEvent['stage']>(
  record: ChangeRecord,
  stage: S,
): Extract<StageEvent, { stage: S }> | undefined {
  return record.stages.findLast((event): event is Extract<StageEvent, { stage: S }> => event.stage === stage);
}

/** The command that takes a change through the stage it is due for. */
export function commandFor(record: ChangeFields, stage: Stage): string {
  const release = formatRelease(record);
  switch (stage) {
    case 'intake':
      return 'fairlead-vendor change open';
    case 'build':
      return `fairlead-vendor build ${release} --change ${record.id} --from PATH --manifest FILE`;
    case 'verification':
      return `fairlead-vendor verify ${record.id}`;
    case 'release':
      return `fairlead-vendor release ${record.id}`;
    case 'deploy':
      return `fairlead-vendor rollout start ${record.id}`;
    case 'post-deploy':
    case 'completion':
      return `fairlead-vendor change complete ${record.id}`;
  }
}

function formatRelease({ component, version }: ChangeFields): string {
  return `${component}@${version}`;
}

function append(record: ChangeRecord, event: StageInput): ChangeRecord {
  const stages: StageEvent[] = [...record.stages, { ...event, previous: chainHead(record) }];
  switch (event.stage) {
    case 'build':
      return { ...record, stages, release: event.details.release, tree: event.details.tree };
    case 'completion':
      return { ...record, stages, result: event.outcome === 'passed' ? 'completed' : 'rolled-back' };
    case 'abandonment':
      return { ...record, stages, result: 'abandoned' };
    default:
      return { ...record, stages };
  }
}

/** The times of the stages are evidence: they may not run backwards. */
function checkTime(record: ChangeRecord, at: string): void {
  const last = record.stages.at(-1);
  if (last !== undefined && instantMs(at) < instantMs(last.at)) {
    throw new FairleadError('vendor/clock-behind', { change: record.id, at, last: last.at });
  }
}

/** One artifact goes through the whole pipeline: promoted, never rebuilt. */
function checkArtifact(
  record: ChangeRecord,
  event: Exclude<StageInput, { stage: 'intake' | 'build' | 'abandonment' }>,
): void {
  const found = event.details.release;
  if (record.release === found) return;
  const expected = record.release ?? 'nothing';
  throw new FairleadError('vendor/digest-mismatch', {
    change: record.id,
    stage: event.stage,
    expected,
    found,
  });
}

function checkBuild(record: ChangeRecord, hasTree: boolean): void {
  if (record.component.includes('/') !== hasTree) {
    throw invalid(record, 'exactly capabilities have a tree');
  }
}

function checkOutcome(record: ChangeRecord, outcome: StageEvent['outcome']): void {
  const verified = eventOf(record, 'post-deploy')?.outcome ?? 'failed';
  if (verified !== outcome)
    throw new FairleadError('vendor/outcome-mismatch', { change: record.id, verified });
}

function invalid(record: ChangeRecord, problem: string): FairleadError {
  return new FairleadError('vendor/record-invalid', { change: record.id, problem });
}
