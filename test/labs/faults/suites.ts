// The laboratory's suites: what each does, how many cases make a short and a long run, and what it needs.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { tryHostilePacks } from './hostile.ts';
import { cutPowerAtCalls, leaveNoRoomAtCalls } from './power.ts';
import { killBesideProcesses } from './processes.ts';
import { trySchedules, tryVolumes } from './schedules.ts';
import type { SuiteOptions, SuiteResult } from './suite.ts';
import { killAtCalls, refuseCalls } from './system-calls.ts';

export interface Suite {
  readonly name: string;
  readonly what: string;
  readonly short: number;
  readonly long: number;
  /** What this machine lacks, or null. */
  missing(): Promise<string | null>;
  run(options: SuiteOptions): Promise<SuiteResult>;
}

const run = promisify(execFile);

const nothing = async () => null;

async function strace(): Promise<string | null> {
  const lacks = await run('strace', ['-qq', '-o', '/dev/null', 'true']).then(
    () => false,
    () => true,
  );
  return lacks ? 'strace is missing or may not trace here' : null;
}

/** Loop devices, and the programs that make file systems and cut their power. */
async function disks(): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'only root may mount file systems';
  for (const program of ['mkfs.ext4', 'mkfs.xfs', 'xfs_io']) {
    const found = await run('which', [program]).catch(() => null);
    if (found === null) return `${program} is missing`;
  }
  return strace();
}

const EVERY_ONE = Number.MAX_SAFE_INTEGER;

export const SUITES: readonly Suite[] = [
  {
    name: 'kill',
    what: 'SIGKILL at every durable system call of an operation',
    short: 40,
    long: EVERY_ONE,
    missing: strace,
    run: killAtCalls,
  },
  {
    name: 'full',
    what: 'ENOSPC, EIO and EROFS at every durable system call of an operation',
    short: 40,
    long: 1_500,
    missing: strace,
    run: refuseCalls,
  },
  {
    name: 'processes',
    what: 'SIGKILL at any moment of a deployment whose services are processes',
    short: 10,
    long: 100,
    missing: nothing,
    run: killBesideProcesses,
  },
  {
    name: 'power',
    what: 'the power goes at a system call, on ext4 and xfs',
    short: 10,
    long: 1_200,
    missing: disks,
    run: cutPowerAtCalls,
  },
  {
    name: 'room',
    what: 'not one block is free from a system call on',
    short: 10,
    long: 200,
    missing: disks,
    run: leaveNoRoomAtCalls,
  },
  {
    name: 'schedules',
    what: 'faults, double crashes and power cuts by seed, on a disk in memory that forgets what was not synced',
    short: 1_000,
    long: 100_000,
    missing: nothing,
    run: trySchedules,
  },
  {
    name: 'volumes',
    what: 'the same over histories of versions that keep data in volumes of an engine',
    short: 300,
    long: 30_000,
    missing: nothing,
    run: tryVolumes,
  },
  {
    name: 'hostile',
    what: 'packs that are damaged, rearranged or lie',
    short: 300,
    long: 5_000,
    missing: nothing,
    run: tryHostilePacks,
  },
];

export function suiteNamed(name: string): Suite {
  const suite = SUITES.find((one) => one.name === name);
  if (suite === undefined) throw new Error(`there is no suite ${name}`);
  return suite;
}
