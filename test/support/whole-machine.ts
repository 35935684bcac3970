// A machine with a disk of its own: booted, cut off from its power or shut down in order, and booted again from what its disk holds.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { createDiskImage, type DiskImage } from '../labs/faults/disk-images.ts';
import { CANNOT_BOOT } from './booted.ts';
import { temporaryDirectory } from './directories.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
/** Sparse: it takes the room that it uses. */
const DISK_BYTES = 3 * 2 ** 30;
const CUT_HERE = '/srv/cut-here-in-';
const isCut = (phase: string) => CUT_HERE + phase.replaceAll(' ', '-');

/** Inside: the power goes now. What happens from here on reaches no disk. */
export async function losePower(): Promise<void> {
  writeFileSync(isCut(process.env.FAIRLEAD_PHASE ?? ''), '');
  await sleep(1_000);
}

type Skip = (reason: string) => void;

interface Parts {
  readonly disk: DiskImage;
  readonly file: string;
  readonly cannot: Skip;
}

export interface WholeMachine {
  /** Boots it for the tests of `file` that run in this phase. It ends by a power cut where they ask for one, else in order. */
  boot(phase: string): Promise<'cut' | 'ended'>;
}

/** Of the caller's file, in which the phases are told apart by FAIRLEAD_PHASE. */
export async function createMachine(file: string, skip: Skip): Promise<WholeMachine> {
  const disk = await createDiskImage('ext4', temporaryDirectory(), DISK_BYTES);
  await disk.mount();
  onTestFinished(() => disk.unmount());
  let boots = 0;
  const cannot = (reason: string) => (boots === 1 ? skip(reason) : expect.fail(reason));
  return {
    boot: (phase) => {
      boots++;
      return bootFrom({ disk, file, cannot }, phase);
    },
  };
}

async function bootFrom({ disk, file, cannot }: Parts, phase: string): Promise<'cut' | 'ended'> {
  const words = ['vitest', 'run', '--config', 'test/vitest.config.ts', file];
  const machine = spawn('test/support/boot-systemd', words, {
    cwd: ROOT,
    env: {
      ...{ PATH: process.env.PATH, TMPDIR: '/srv' },
      ...{ FAIRLEAD_BOOTED: '1', FAIRLEAD_PHASE: phase, FAIRLEAD_MACHINE: disk.mountPoint },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = Promise.all([text(machine.stdout), text(machine.stderr)]);
  const exit = once(machine, 'exit').then(() => 'ended' as const);
  const end = await Promise.race([exit, untilMarked(join(disk.mountPoint, 'written', isCut(phase)), exit)]);
  if (end === 'cut') {
    await disk.cutPower();
    endNow(machine.pid ?? 0);
  }
  await exit;
  if (machine.exitCode === CANNOT_BOOT) cannot((await printed)[1]);
  if (end === 'ended') expect(machine.exitCode, (await printed).join('\n')).toBe(0);
  // What a power cut has left is read from the disk, not from the memory of this machine.
  await disk.unmount();
  await disk.mount();
  return end;
}

async function untilMarked(mark: string, exit: Promise<unknown>): Promise<'cut'> {
  const over = new AbortController();
  void exit.then(() => over.abort());
  while (!existsSync(mark)) await sleep(20, undefined, { signal: over.signal });
  return 'cut';
}

/** What runs on a disk without power may wait for it for ever: KILL of the manager's parent takes all of it along. */
function endNow(pid: number): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  const manager = children.find((child) => readFileSync(`/proc/${child}/comm`, 'utf8') === 'unshare\n');
  process.kill(Number(manager), 'SIGKILL');
}
