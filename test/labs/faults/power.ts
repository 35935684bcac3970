// The suites `power` and `room`: real file systems that lose power, or have no room left, from one system call on.
import { readFile, rm } from 'node:fs/promises';
import type { Acknowledged } from './acknowledged.ts';
import { createDiskImage, type DiskImage, type FileSystem, fill } from './disk-images.ts';
import type { Operation } from './laboratory.ts';
import { createMemoryFile } from './machine.ts';
import { collectOutput, parseAcknowledged, signalGroup, startOperation } from './operation-process.ts';
import { operationsNamed } from './operations.ts';
import { copyPlace, placeIn, prepareBase, syncFileSystem } from './places.ts';
import { pointsOf } from './points.ts';
import { type Point, tracerFor } from './strace.ts';
import {
  type CaseResult,
  createRandom,
  judged,
  mergeResults,
  type SuiteOptions,
  type SuiteResult,
  sample,
  tryCases,
} from './suite.ts';

/** An operation stopped at a point, and what the world is like from then on. */
interface Case {
  readonly operation: Operation;
  readonly base: string;
  readonly point: Point;
  readonly fileSystem: FileSystem;
  /** The process lives on for a while and meets the disk as it is now; else it ends there. */
  readonly livesOn: boolean;
}

/** What an operation acknowledged until it ended, and whether the world changed where it was to. */
interface Stopped {
  readonly hit: boolean;
  readonly acknowledged: readonly Acknowledged[];
}

/** Of one that lives on without its disk. */
const LONGEST_LIFE_MS = 10_000;
const POLL_MS = 5;

/** Power cuts on ext4 and xfs; half of the processes live on and find every call failing. */
export function cutPowerAtCalls(options: SuiteOptions): Promise<SuiteResult> {
  return tryOnDisks(options, ['ext4', 'xfs'], async (each, image) => {
    const directory = `${image.mountPoint}/place`;
    const heard = await stopAt(each, directory, `${options.directory}/${image.fileSystem}.calls`, () =>
      image.cutPower(),
    );
    await image.unmount();
    await image.mount();
    // The services went with the power.
    createMemoryFile(`${directory}/machine`);
    return heard;
  });
}

/** Not one block is free from one call on, until the operation has ended. */
export function leaveNoRoomAtCalls(options: SuiteOptions): Promise<SuiteResult> {
  return tryOnDisks(options, ['tmpfs'], async (each, image) => {
    let empty = async () => {};
    const heard = await stopAt(
      { ...each, livesOn: true },
      `${image.mountPoint}/place`,
      `${options.directory}/${image.fileSystem}.calls`,
      async () => {
        empty = await fill(image.mountPoint);
      },
    );
    await empty();
    return heard;
  });
}

async function tryOnDisks(
  options: SuiteOptions,
  fileSystems: readonly FileSystem[],
  spoil: (each: Case, image: DiskImage) => Promise<Stopped>,
): Promise<SuiteResult> {
  const cases = Map.groupBy(await drawCases(options, fileSystems), (each) => each.fileSystem);
  let tried = 0;
  const tryOn = async (fileSystem: FileSystem) => {
    const image = await createDiskImage(fileSystem, options.directory);
    const onProgress = () => options.onProgress(++tried);
    return tryCases(cases.get(fileSystem) ?? [], 1, { ...options, onProgress }, async (each) => {
      await image.mount();
      try {
        return await tryCase(each, image, spoil);
      } finally {
        await image.unmount();
      }
    });
  };
  return mergeResults(await Promise.all(fileSystems.map(tryOn)));
}

async function drawCases(
  options: SuiteOptions,
  fileSystems: readonly FileSystem[],
): Promise<readonly Case[]> {
  const random = createRandom(options.seed);
  const cases: Case[] = [];
  for (const operation of operationsNamed(options.operations)) {
    const base = `${options.directory}/${operation.name}`;
    await prepareBase(operation, base);
    for (const point of await pointsOf(operation, base)) {
      for (const fileSystem of fileSystems) {
        cases.push({ operation, base, point, fileSystem, livesOn: random() < 0.5 });
      }
    }
  }
  return sample(cases, options.count, options.seed);
}

async function tryCase(
  each: Case,
  image: DiskImage,
  spoil: (each: Case, image: DiskImage) => Promise<Stopped>,
): Promise<CaseResult> {
  const { operation, point, fileSystem, livesOn, base } = each;
  const directory = `${image.mountPoint}/place`;
  await copyPlace(base, directory);
  await syncFileSystem(image.mountPoint);
  const { acknowledged, hit } = await spoil(each, image);
  const { end, problems } = await judged(operation.judge(placeIn(directory), acknowledged));
  const found = hit ? problems : [...problems, 'the point was never reached'];
  const how = livesOn ? 'living on' : 'dying';
  const name = `${operation.name} on ${fileSystem}, ${how} at ${point.call} ${point.nth} of "${point.path}"`;
  return { end, problems: found.map((problem) => `${name}: ${problem}`) };
}

/** Runs an operation up to a point, lets `spoil` change the world, and lets the process end there or by itself. */
async function stopAt(
  { operation, point, livesOn }: Case,
  directory: string,
  log: string,
  spoil: () => Promise<void>,
): Promise<Stopped> {
  await rm(log, { force: true });
  const child = startOperation(operation.name, directory, tracerFor(point, 'signal=STOP', directory, log));
  const ended = collectOutput(child);
  const hit = await untilStopped(log, ended);
  await spoil();
  if (livesOn) {
    signalGroup(child, 'SIGCONT');
    const patience = setTimeout(() => signalGroup(child, 'SIGKILL'), LONGEST_LIFE_MS);
    await ended;
    clearTimeout(patience);
  } else {
    signalGroup(child, 'SIGKILL');
  }
  return { hit, acknowledged: parseAcknowledged((await ended).output) };
}

/** False when the process ended without reaching its point. */
async function untilStopped(log: string, ended: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const text = await readFile(log, 'utf8').catch(() => '');
    if (text.includes('stopped by SIGSTOP')) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}
