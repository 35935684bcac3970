// The machine: from the state a deployment is in to its end, one journalled transition at a time.
import { type DeploymentRecord, isFinal } from '../../../shared/schema/deployment.ts';
import { failureOf } from '../../core/deploy/failure.ts';
import { canBeLeft, transition, type WorkingState } from '../../core/deploy/states.ts';
import { secureFiles } from './files.ts';
import { withLastLines } from './last-lines.ts';
import { checkBefore } from './preflight.ts';
import { rollBack } from './roll-back.ts';
import type { Outcome, Run } from './run.ts';
import { settle } from './settle.ts';
import { fetchTrees, startChanged, stopChanged, switchGeneration } from './stages.ts';
import { soak, verifyTarget } from './verify.ts';

const STAGES: Readonly<Record<WorkingState, (run: Run) => Promise<Outcome>>> = {
  planned: async () => ({ event: 'accepted' }),
  fetching: fetchTrees,
  staged: secureFiles,
  preflight: checkBefore,
  stopping: stopChanged,
  switching: switchGeneration,
  starting: startChanged,
  verifying: verifyTarget,
  soaking: soak,
  'rolling-back': rollBack,
};

/**
 * Where the agent is told to stop, the record is returned unfinished, for the next agent to go on with.
 * Errors: disk/* when the journal cannot be written; the deployment is then unfinished and recovered later.
 */
export async function runToEnd(run: Run): Promise<DeploymentRecord> {
  for (let state = run.progress().state; !isFinal(state); state = run.progress().state) {
    const outcome = await (canBeLeft(state) ? unlessLeft(run, perform(run, state)) : perform(run, state));
    if (outcome === 'left') return run.current();
    const { event, ...more } = outcome;
    await run.enter(transition(state, event), more);
  }
  await settle(run).catch(run.options.onWarning);
  return run.current();
}

function unlessLeft(run: Run, outcome: Promise<Outcome>): Promise<Outcome | 'left'> {
  const leaving = new Promise<'left'>((resolve) => {
    if (run.left.aborted) resolve('left');
    run.left.addEventListener('abort', () => resolve('left'), { once: true });
  });
  return Promise.race([leaving, outcome]);
}

async function perform(run: Run, state: WorkingState): Promise<Outcome> {
  try {
    return await STAGES[state](run);
  } catch (error) {
    const event = state === 'rolling-back' ? 'exhausted' : 'failed';
    return { event, failure: await withLastLines(run, state, failureOf(error)) };
  }
}
