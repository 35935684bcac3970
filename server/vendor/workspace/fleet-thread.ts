// The thread that tries releases over kinds of installs.
import { workerData } from 'node:worker_threads';
import { answerQuestions } from '../../../shared/node/thread.ts';
import { createFit, type Fit, type FleetKind, type FleetTrial } from '../core/fleet-trial.ts';

answerQuestions<readonly FleetKind[], readonly Fit[]>(() => {
  const trial: FleetTrial = workerData;
  const fit = createFit(trial);
  return { answer: (kinds) => kinds.map(fit) };
});
