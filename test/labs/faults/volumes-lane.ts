// One lane of the suite `volumes`: histories of versions whose data lie in volumes, most acts under faults, each held against a model.
// First: whoever uses the disk in memory must find it there when it is loaded.
import '../../support/crash-mount.ts';
import { readdir } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import './remembered-signatures.ts';
import { createVolumeCopies } from '../../../agent/adapters/drivers/compose/volume-copies.ts';
import type { UnitOf } from '../../../agent/ports/deploy.ts';
import { emptyDisk, MOUNT_POINT, mount } from '../../support/crash-mount.ts';
import { AUTH, type Deployable, digestOfDeployable } from '../../support/deploy-releases.ts';
import { createDataJudge, type DataJudge, runningMinor } from './data-judge.ts';
import { startInstance } from './instance.ts';
import type { Instance, Place, Scenario, Verdict } from './laboratory.ts';
import { drawLives, type Fault, hasPowerCut, isOfEngine, KINDS_WITH_ENGINE, live, told } from './lives.ts';
import { createVolatileMemory, type MachineMemory } from './machine.ts';
import { deployTo, withVolumes } from './releases.ts';
import { USUAL } from './scenario.ts';
import type { Lane, LaneMessage } from './schedules.ts';
import { type CaseResult, createRandom, judged, tryCases } from './suite.ts';
import { createVolumeDisk, type VolumeDisk } from './volume-disk.ts';

type Act =
  | { readonly to: 'version'; readonly minor: number }
  /** Of the component beside it. */
  | { readonly to: 'other'; readonly minor: number }
  | { readonly to: 'back' }
  | { readonly to: 'generation'; readonly number: number };

interface History {
  readonly scenario: Scenario;
  readonly acts: readonly { readonly act: Act; readonly lives: readonly Fault[] }[];
}

interface World {
  readonly place: Omit<Place, 'verifyAlive'>;
  readonly disk: VolumeDisk;
  readonly scenario: Scenario;
  readonly judge: DataJudge;
  readonly random: () => number;
}

const STATE_DIR = `${MOUNT_POINT}/state`;
const MINORS = 5;
const MANY = 100;
/** Of the disk and of the engine, in an update with a copy. */
const CALLS = 330;

const { seeds }: Lane = workerData;

await tryLane();

async function tryLane(): Promise<void> {
  const ended = new AbortController();
  parentPort?.once('message', () => ended.abort());
  const onProgress = (tried: number) => post({ tried });
  const result = await tryCases(seeds, 1, { directory: '', onProgress, signal: ended.signal }, tryHistory);
  post({ result });
  parentPort?.close();
}

function post(message: LaneMessage): void {
  parentPort?.postMessage(message);
}

/** The last acts are undisturbed: what was needed no more is gone by then, and the ways back lead where they should. */
function drawHistory(random: () => number): History {
  const below = (limit: number) => Math.floor(random() * limit);
  const isRed = random() < 0.4;
  const scenario: Scenario = {
    ...USUAL,
    name: 'volumes',
    history: [],
    keepGenerations: random() < 0.5 ? 2 + below(3) : MANY,
    behaviours: isRed ? { [`${AUTH}@1.${2 + below(MINORS - 1)}.0`]: 'red' } : {},
    act: async () => undefined,
  };
  const draw = (): Act => {
    const kind = below(9);
    if (kind < 5) return { to: 'version', minor: below(MINORS + 1) };
    if (kind < 6) return { to: 'other', minor: below(MANY) };
    return kind < 8 ? { to: 'back' } : { to: 'generation', number: 1 + below(MINORS) };
  };
  const drawn = Array.from({ length: 2 + below(4) }, () => ({
    act: draw(),
    lives: random() < 0.3 ? [] : drawLives(random, CALLS, KINDS_WITH_ENGINE),
  }));
  const calm = (act: Act) => ({ act, lives: [] });
  const last = [calm({ to: 'other', minor: MANY }), calm({ to: 'back' }), calm({ to: 'back' })];
  return { scenario, acts: [calm({ to: 'version', minor: 1 }), ...drawn, ...last] };
}

async function tryHistory(seed: number): Promise<CaseResult> {
  const random = createRandom(seed);
  const { scenario, acts } = drawHistory(random);
  mount.before = () => undefined;
  mount.disk = emptyDisk().copy(random() < 0.5 ? 'ordered' : 'strict');
  const disk = createVolumeDisk();
  const volumes = createVolumeCopies(`${STATE_DIR}/snapshots`, disk.engine);
  const place = { stateDir: STATE_DIR, memory: withMarks(disk), volumes };
  const judge = createDataJudge(disk, scenario.keepGenerations === MANY);
  const world: World = { place, disk, scenario, judge, random };
  const lines: string[] = [];
  let end = '';
  for (const { act, lives } of acts) {
    lines.push(Object.values(act).join(' ') + (lives.length === 0 ? '' : ` (${told(lives)})`));
    const verdict = await judged(tryAct(world, act, lives));
    end = verdict.end;
    const problems = verdict.problems.map((problem) => `${seed}: ${lines.join(', ')}: ${problem}`);
    if (problems.length > 0) return { end, problems };
  }
  return { end, problems: [] };
}

async function tryAct(world: World, act: Act, lives: readonly Fault[]): Promise<Verdict> {
  const { place, scenario, judge } = world;
  const boot = () => startInstance({ ...place, scenario });
  const instance = await boot();
  const before = await judge.before(instance);
  if (await isThere(act, instance)) return { end: 'nothing begun', failure: null, problems: [] };
  if (lives.length > 0) {
    await disturb(world, act, lives);
    mount.before = () => undefined;
    const engineFailed = lives.some(isOfEngine);
    await boot();
    const begun = engineFailed ? await putBackByHand(place) : [];
    const verdict = await judge.after(before, await boot(), { answer: null, engineFailed });
    return { ...verdict, problems: [...begun, ...verdict.problems] };
  }
  const error = await perform(act, instance).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return judge.after(before, await boot(), { answer: { error }, engineFailed: false });
}

/** What a person does who is called: until then nothing starts on what is half put back. */
async function putBackByHand({ memory, volumes }: World['place']): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const name of await readdir(`${STATE_DIR}/snapshots`).catch((): string[] => [])) {
    const begun = await readdir(`${STATE_DIR}/snapshots/${name}/core.auth`).catch((): string[] => []);
    if (!begun.includes('restoring')) continue;
    if (memory.read()[AUTH] !== undefined) problems.push('something runs on data that are half put back');
    await volumes?.restore({ component: AUTH } as UnitOf<'compose'>, Number(name));
  }
  return problems;
}

async function perform(act: Act, instance: Instance): Promise<unknown> {
  const why = { reason: 'why', actor: 'ada' };
  if (act.to === 'back') return instance.deployer.rollback(why);
  if (act.to === 'generation') return instance.deployer.rollback({ ...why, to: act.number });
  return deployTo(await targetOf(act, instance))(instance);
}

type Update = Extract<Act, { to: 'version' | 'other' }>;

/** Of the two one goes on. */
async function targetOf(act: Update, instance: Instance): Promise<Deployable> {
  const components = (await instance.deployer.current())?.manifest.components ?? [];
  const beside = components.find(({ component }) => component !== AUTH)?.version ?? '1.0.0';
  const own = act.to === 'version' ? act.minor : await runningMinor(instance);
  return withVolumes(`1.${own}.0`, act.to === 'other' ? `1.${act.minor}.1` : beside);
}

/** Drawn twice, for one: there is nothing to deploy. */
async function isThere(act: Act, instance: Instance): Promise<boolean> {
  if (act.to === 'back' || act.to === 'generation') return false;
  const current = await instance.deployer.current();
  const target = await targetOf(act, instance);
  return current !== null && digestOfDeployable(current) === digestOfDeployable(target);
}

async function disturb(
  { place, scenario, disk, random }: World,
  act: Act,
  lives: readonly Fault[],
): Promise<void> {
  for (const [life, fault] of lives.entries()) {
    await live(fault, place, async (own) => {
      const instance = await startInstance({ ...own, scenario });
      if (life === 0) await perform(act, instance);
      await instance.settled();
    });
    if (!hasPowerCut(fault, random)) continue;
    mount.disk = mount.disk.afterPowerCut(random);
    disk.cutPower(random);
    place.memory.write({});
  }
}

/** Each start of a version leaves a mark in its volumes. */
function withMarks(disk: VolumeDisk): MachineMemory {
  const memory = createVolatileMemory();
  let starts = 0;
  return {
    read: memory.read,
    write(next) {
      const release = next[AUTH]?.release;
      const isStarted = memory.read()[AUTH] === undefined && release !== undefined;
      memory.write(next);
      if (isStarted) disk.append(AUTH, ` ${release.split('.')[1]}#${++starts}`);
    },
  };
}
