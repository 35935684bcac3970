// The deployment engine: one deployment at a time, and every one of them ends old or new.
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { isHeld } from '../../core/deploy/quarantine.ts';
import type { ComponentHealth, Deployer, Generation } from '../../ports/deploy.ts';
import { beginDeployment, beginRollback, beginUndoing, currentGeneration } from './begin.ts';
import { withDiscretion } from './discreet.ts';
import { look } from './health.ts';
import { runToEnd } from './machine.ts';
import type { DeployerOptions, DeployerParts } from './options.ts';
import { componentsOf, prepare } from './prepare.ts';
import { readLog } from './read-log.ts';
import { recoverUnfinished } from './recovery.ts';
import { rehearse } from './rehearse.ts';
import { repairCurrent } from './repair.ts';
import type { Run } from './run.ts';
import { createMaintenance, createSupervisor } from './supervise.ts';
import { createTurn } from './turn.ts';
import { createWatch, type Undoing } from './watch.ts';

const ATTEND_MS = 2_000;
// A disk that cannot be read now will not be better in two seconds, and its complaint need not fill the log.
const ATTEND_AFTER_FAILURE_MS = 30_000;

/**
 * Nothing happens before `recover` is called; one process per state directory must be ensured by the caller. What is only
 * asked goes through `asked`: a question from outside is no sign that the work gets on.
 */
export function createDeployer(parts: DeployerParts, asked = parts): Deployer {
  const listeners: ((record: DeploymentRecord) => void)[] = [];
  const onRecord = (record: DeploymentRecord) => {
    for (const listener of listeners) listener(record);
  };
  const engine = createEngine(withDiscretion({ ...parts, onRecord }), withDiscretion({ ...asked, onRecord }));
  return { ...engine, onRecord: (listener) => void listeners.push(listener) };
}

function createEngine(options: DeployerOptions, asked: DeployerOptions): Omit<Deployer, 'onRecord'> {
  const supervisor = createSupervisor(options);
  const maintain = createMaintenance(asked);
  const watch = createWatch(options);
  const turn = createTurn();
  const { leave, giveWay, inProgress, soakInProgressMs } = turn;

  const runNew = (begin: () => Promise<Run>, onStarted: ((record: DeploymentRecord) => void) | undefined) =>
    turn.deploy(async (hold) => {
      await recoverUnfinished(options, turn.lastHeld(), hold);
      const run = await begin();
      hold(run);
      onStarted?.(run.current());
      return runToEnd(run);
    });

  // A deployment that a failing disk left unfinished is taken up again here, not only at the next start.
  const recoverAndAttend = () =>
    turn.wait(async (hold): Promise<Undoing | null> => {
      if (!turn.isLeaving()) await recoverUnfinished(options, turn.lastHeld(), hold);
      if (turn.isLeaving()) return null;
      const generation = await currentGeneration(options, await options.store.generations());
      if (generation === null) return null;
      await supervisor.attend(generation);
      return watch.look(generation);
    });

  async function attendAndUndo(): Promise<void> {
    const undoing = await recoverAndAttend();
    if (undoing !== null) await runNew(() => beginUndoing(options, undoing), undefined);
  }

  async function attendedPause(): Promise<number> {
    const failed = turn.inProgress() === null && (await fails(attendAndUndo(), options));
    return failed ? ATTEND_AFTER_FAILURE_MS : ATTEND_MS;
  }

  return {
    recover: async () => void (await recoverAndAttend()),
    ...{ leave, giveWay, inProgress, soakInProgressMs, soakMs: options.soakMs },
    deploy: (request) => runNew(() => beginDeployment(options, request), request.onStarted),
    rollback: (request) => runNew(() => beginRollback(options, request), request.onStarted),
    rehearse: (to) => turn.waitUnlessBusy(() => rehearse(options, to)),
    repair: (added = false) => turn.waitUnlessBusy((_, cut) => repairCurrent(options, added, cut)),
    ...createQuestions(asked),
    degradations: () => watch.degradations(),
    async supervise(signal) {
      while (!signal.aborted) {
        const pauseMs = await attendedPause();
        await maintain().catch(options.onWarning);
        // A pause is no sign either: it is taken beside a deployment that hangs, too.
        await asked.clock.sleep(pauseMs, signal);
      }
    },
  };
}

type Questions = Pick<
  Deployer,
  | 'current'
  | 'generations'
  | 'records'
  | 'recordDamages'
  | 'generationDamages'
  | 'quarantine'
  | 'quarantineDamage'
  | 'releaseFromQuarantine'
  | 'health'
  | 'logs'
>;

/** What can be asked at any time, also in the middle of a deployment. */
function createQuestions(options: DeployerOptions): Questions {
  const { store } = options;
  const current = async () => currentGeneration(options, await store.generations());
  return {
    current,
    generations: () => store.generations(),
    records: () => store.records(),
    recordDamages: () => store.recordDamages(),
    generationDamages: async () => (await store.damagedGenerations()).map(describeDamaged),
    async quarantine() {
      const now = options.clock.now();
      return (await store.quarantine()).filter((entry) => isHeld(entry, now));
    },
    quarantineDamage: () => store.quarantineDamage(),
    async releaseFromQuarantine(component) {
      await store.changeQuarantine((known) => known.filter((entry) => entry.component !== component));
    },
    // What cannot be read has no probes that anybody knows; the decision says why.
    health: async () => examine(options, await current().catch(noneWhereDamaged)),
    logs: (component, which = {}) => readLog(options, component, which),
  };
}

function noneWhereDamaged(error: unknown): null {
  if (!isFairleadError(error, 'deploy/generation-damaged')) throw error;
  return null;
}

function describeDamaged(generation: number): string {
  return `generation ${generation} cannot be read from disk, so nothing can go back to it: put it back from a backup of the state directory`;
}

async function fails(work: Promise<unknown>, { onWarning }: DeployerOptions): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    onWarning(error);
    return true;
  }
}

async function examine(
  options: DeployerOptions,
  generation: Generation | null,
): Promise<readonly ComponentHealth[]> {
  return Promise.all(
    componentsOf(generation).map(async (component) => {
      // Settings that cannot be resolved say nothing about the service that runs.
      const prepared = await prepare(options, generation, component).catch(() => null);
      const status = await options.driver.status(prepared?.unit.component ?? component);
      if (prepared === null) return { component, status, health: 'unknown' };
      const { healthy } = await look(options, prepared, 1);
      return { component, status, health: healthy ? 'healthy' : 'unhealthy' };
    }),
  );
}
