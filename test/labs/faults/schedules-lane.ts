// One lane of the suite `schedules`, as a thread of its own: the disk in memory takes the place of one directory for all of it.
// First: whoever uses the disk in memory must find it there when it is loaded.
import '../../support/crash-mount.ts';
import { parentPort, workerData } from 'node:worker_threads';
import './remembered-signatures.ts';
import type { CrashDisk, Ordering } from '../../support/crash-disk.ts';
import { emptyDisk, MOUNT_POINT, mount } from '../../support/crash-mount.ts';
import { failure } from '../../support/crash-paths.ts';
import type { Acknowledged } from './acknowledged.ts';
import type { Operation, Place } from './laboratory.ts';
import { createVolatileMemory, type MachineMemory, type Services } from './machine.ts';
import { operationsNamed } from './operations.ts';
import type { Lane, LaneMessage } from './schedules.ts';
import { type CaseResult, createRandom, judged, tryCases } from './suite.ts';

/** What one life of the agent meets: at its nth call, or from there until the process ends. */
interface Fault {
  readonly kind: 'power cut' | 'kill' | 'ENOSPC' | 'EIO' | 'EROFS';
  readonly at: number;
  readonly lasting: boolean;
}

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

/** The agent process is dead: nothing it still tries has any effect. */
class Crash extends Error {}

const STATE_DIR = `${MOUNT_POINT}/state`;
const KINDS = ['power cut', 'power cut', 'kill', 'ENOSPC', 'EIO', 'EROFS'] as const;

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
  let calls = 0;
  mount.before = () => {
    calls++;
  };
  await operation.perform(place, () => undefined);
  return { disk, services, calls };
}

function drawSchedule(seed: number, callsOf: (operation: Operation) => number): Schedule {
  const random = createRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const operation = MODELLED[below(MODELLED.length)];
  if (operation === undefined) throw new Error('no operation');
  const draw = (calls: number): Fault => ({
    kind: KINDS[below(KINDS.length)] ?? 'kill',
    at: 1 + below(calls),
    lasting: random() < 0.4,
  });
  // A little beyond its end: what was just acknowledged meets a power cut too.
  const calls = callsOf(operation) * 1.15;
  const lives = [draw(calls)];
  // Recoveries are shorter than what they recover.
  while (random() < 0.4 && lives.length < 4) lives.push(draw(calls / 4));
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
    await live(fault, memory, (place) => act(place, (fact) => void acknowledged.push(fact)));
    // A process that outlived its fault ends some time: with the machine, or alone.
    if (fault.kind !== 'power cut' && random() >= 0.3) continue;
    cutPower(memory, random);
    hasLostPower = true;
  }
  mount.before = () => undefined;
  const { end, problems } = await judged(
    operation.judge({ stateDir: STATE_DIR, memory, hasLostPower }, acknowledged),
  );
  const told = lives
    .map(({ kind, at, lasting }) => `${kind} ${lasting ? 'from' : 'at'} ${at}`)
    .join(', then ');
  return {
    end,
    problems: problems.map((problem) => `${seed}: ${operation.name}, ${ordering}, ${told}: ${problem}`),
  };
}

/** One life of the agent, until it ends by itself or by the fault. Errors are its answer to faults. */
async function live(
  fault: Fault,
  memory: MachineMemory,
  act: (place: Place) => Promise<void>,
): Promise<void> {
  let calls = 0;
  let isDead = false;
  const verifyAlive = () => {
    if (isDead) throw new Crash();
  };
  mount.before = (call, path) => {
    verifyAlive();
    calls++;
    if (calls < fault.at || (calls > fault.at && !fault.lasting)) return;
    if (fault.kind !== 'power cut' && fault.kind !== 'kill') throw failure(fault.kind, call, path);
    isDead = true;
    throw new Crash();
  };
  await act({ stateDir: STATE_DIR, memory, verifyAlive }).catch(() => undefined);
  // Whatever the process had under way notices its death before the next one starts.
  isDead = true;
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function cutPower(memory: MachineMemory, random: () => number): void {
  mount.disk = mount.disk.afterPowerCut(random);
  memory.write({});
}
