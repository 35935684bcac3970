// The machine: from the state a deployment is in to its end, one journalled transition at a time.
import { FairleadError } from '../../../shared/errors/error.ts';
import { aborted } from '../../../shared/node/turns.ts';
import {
  type DeploymentRecord,
  isFinal,
  type Pulled,
  sumOfPulled,
} from '../../../shared/schema/deployment.ts';
import { environmentFailure, failureOf, HandedOver } from '../../core/deploy/failure.ts';
import { canBeLeft, isUntouched, transition, type WorkingState } from '../../core/deploy/states.ts';
import { ranOnce, withLastLines } from './evidence.ts';
import { secureFiles } from './files.ts';
import { checkBefore } from './preflight.ts';
import { rollBack } from './roll-back.ts';
import type { Outcome, Run } from './run.ts';
import { settle } from './settle.ts';
import { fetchTrees, stopChanged, switchGeneration } from './stages.ts';
import { startInOrder } from './starting.ts';
import { soak, verifyTarget } from './verify.ts';

type Stage = (run: Run, onPulled: (pulled: Pulled) => void) => Promise<Outcome>;

const STAGES: Readonly<Record<WorkingState, Stage>> = {
  planned: async () => ({ event: 'accepted' }),
  fetching: fetchTrees,
  staged: secureFiles,
  preflight: checkBefore,
  stopping: stopChanged,
  switching: switchGeneration,
  starting: startInOrder,
  verifying: verifyTarget,
  soaking: soak,
  'rolling-back': rollBack,
};

/**
 * Where the agent is told to stop, or another one takes its place, the record is returned unfinished, for the next to go on with.
 * Errors: disk/* when the journal cannot be written; the deployment is then unfinished and recovered later.
 */
export async function runToEnd(run: Run): Promise<DeploymentRecord> {
  for (let state = run.progress().state; !isFinal(state); state = run.progress().state) {
    const outcome = await unlessLeft(run, state, unlessYielded(run, state, perform(run, state)));
    if (outcome === 'left') return run.current();
    // Whatever its last stage came to: between here and the next state nobody can ask any more.
    const { event, ...more } = run.yielded.aborted && isUntouched(state) ? GAVE_WAY : outcome;
    await run.enter(transition(state, event), more);
  }
  await settle(run).catch(run.options.onWarning);
  return run.current();
}

const GAVE_WAY: Outcome = {
  event: 'failed',
  failure: environmentFailure(new FairleadError('deploy/gave-way', {})),
};

type Ended = Outcome | 'left';

function unlessLeft(run: Run, state: WorkingState, outcome: Promise<Ended>): Promise<Ended> {
  return canBeLeft(state) ? Promise.race([aborted(run.left).then(() => 'left' as const), outcome]) : outcome;
}

/** Files may take days to come, and what is not there yet is missed by nobody. Hooks, in preflight, end in their own time. */
function unlessYielded(run: Run, state: WorkingState, outcome: Promise<Ended>): Promise<Ended> {
  const isWaiting = isUntouched(state) && state !== 'preflight';
  return isWaiting ? Promise.race([aborted(run.yielded).then(() => GAVE_WAY), outcome]) : outcome;
}

async function perform(run: Run, state: WorkingState): Promise<Ended> {
  const came: Pulled[] = [];
  // What is refused after that has measured it too: nothing else would, where the windows are too short for images.
  const pulled = () => (came.length === 0 ? {} : { pulled: sumOfPulled(came) });
  try {
    const outcome = await STAGES[state](run, (one) => came.push(one));
    return { ...outcome, ...pulled() };
  } catch (error) {
    if (error instanceof HandedOver) return 'left';
    const event = state === 'rolling-back' ? 'exhausted' : 'failed';
    const failure = failureOf(error);
    const ran = state === 'starting' ? await ranOnce(run, failure.component) : {};
    return { event, failure: await withLastLines(run, state, failure, ran.once), ...ran, ...pulled() };
  }
}
