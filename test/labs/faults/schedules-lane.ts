// One lane of the suite `schedules`, as a thread of its own: the disk in memory takes the place of one directory for all of it.
// First: whoever uses the disk in memory must find it there when it is loaded.
import '../../support/crash-mount.ts';
import { parentPort, workerData } from 'node:worker_threads';
import './remembered-signatures.ts';
import type { CrashDisk, Ordering } from '../../support/crash-disk.ts';
import { emptyDisk, MOUNT_POINT, mount } from '../../support/crash-mount.ts';
import type { Acknowledged } from './acknowledged.ts';
import type { Operation } from './laboratory.ts';
import { countCalls, drawLives, type Fault, hasPowerCut, live, told } from './lives.ts';
import { createVolatileMemory, type MachineMemory, type Services } from './machine.ts';
import { operationsNamed } from './operations.ts';
import type { Lane, LaneMessage } from './schedules.ts';
import { type CaseResult, createRandom, judged, tryCases } from './suite.ts';

interface Schedule {
  readonly seed: number;
  readonly operation: Operation;
  readonly ordering: Ordering;
  readonly lives: readonly Fault[];
}

/** An instance where an operation starts, and how many calls the operation makes when nothing happens. */
interface Prepared {
  readonly disk: CrashDisk;
  readonly services: Services;
  readonly calls: number;
}

const STATE_DIR = `${MOUNT_POINT}/state`;

const { seeds, operations }: Lane = workerData;
/** The settings are written with synchronous calls, which the disk in memory does not serve; and no other process sees it. */
const NOT_MODELLED = ['policy', 'patched'];
const MODELLED = operationsNamed(operations).filter(({ name }) => !NOT_MODELLED.includes(name));

await tryLane();

async function tryLane(): Promise<void> {
  const ended = new AbortController();
  parentPort?.once('message', () => ended.abort());
  const prepared = new Map<string, Prepared>();
  for (const operation of MODELLED) prepared.set(operation.name, await prepare(operation));
  const callsOf = (operation: Operation) => prepared.get(operation.name)?.calls ?? 0;
  const onProgress = (tried: number) => post({ tried });
  const options = { directory: '', onProgress, signal: ended.signal };
  const result = await tryCases(seeds, 1, options, (seed) => {
    const schedule = drawSchedule(seed, callsOf);
    const start = prepared.get(schedule.operation.name);
    if (start === undefined) throw new Error('not prepared');
    return trySchedule(schedule, start);
  });
  post({ result });
  parentPort?.close();
}

function post(message: LaneMessage): void {
  parentPort?.postMessage(message);
}

async function prepare(operation: Operation): Promise<Prepared> {
  const place = { stateDir: STATE_DIR, memory: createVolatileMemory() };
  mount.before = () => undefined;
  mount.disk = emptyDisk();
  await operation.prepare(place);
  const disk = mount.disk.copy();
  const services = place.memory.read();
  const calls = await countCalls(() => operation.perform(place, () => undefined));
  return { disk, services, calls };
}

function drawSchedule(seed: number, callsOf: (operation: Operation) => number): Schedule {
  const random = createRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const operation = MODELLED[below(MODELLED.length)];
  if (operation === undefined) throw new Error('no operation');
  const lives = drawLives(random, callsOf(operation));
  return { seed, operation, ordering: random() < 0.5 ? 'ordered' : 'strict', lives };
}

async function trySchedule(schedule: Schedule, start: Prepared): Promise<CaseResult> {
  const { operation, seed, ordering, lives } = schedule;
  const random = createRandom(seed ^ 0x5eed);
  const acknowledged: Acknowledged[] = [];
  const memory = createVolatileMemory();
  memory.write(start.services);
  mount.disk = start.disk.copy(ordering);
  let hasLostPower = false;
  for (const [life, fault] of lives.entries()) {
    const act = life === 0 ? operation.perform : operation.recover;
    await live(fault, { stateDir: STATE_DIR, memory }, (place) =>
      act(place, (fact) => void acknowledged.push(fact)),
    );
    if (!hasPowerCut(fault, random)) continue;
    cutPower(memory, random);
    hasLostPower = true;
  }
  mount.before = () => undefined;
  const { end, problems } = await judged(
    operation.judge({ stateDir: STATE_DIR, memory, hasLostPower }, acknowledged),
  );
  return {
    end,
    problems: problems.map(
      (problem) => `${seed}: ${operation.name}, ${ordering}, ${told(lives)}: ${problem}`,
    ),
  };
}

function cutPower(memory: MachineMemory, random: () => number): void {
  mount.disk = mount.disk.afterPowerCut(random);
  memory.write({});
}
