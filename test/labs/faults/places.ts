// Directories of the laboratory: an instance that stands where an operation starts, and copies of it to spoil.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import type { Operation, Place } from './laboratory.ts';
import { createFileMemory, createMemoryFile } from './machine.ts';

const run = promisify(execFile);

export function placeIn(directory: string): Place {
  return { stateDir: `${directory}/state`, memory: createFileMemory(`${directory}/machine`) };
}

/** Prepares an operation once; `copy` puts the same instance anywhere. */
export async function prepareBase(operation: Operation, directory: string): Promise<void> {
  await mkdir(`${directory}/state`, { recursive: true });
  createMemoryFile(`${directory}/machine`);
  await operation.prepare(placeIn(directory));
}

export async function copyPlace(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await run('cp', ['-a', from, to]);
}

/** Memory where there is some to spare: killing a process loses nothing that a disk would keep. */
export function scratchDirectory(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

/** Everything on its way to the disk is on it. */
export async function syncFileSystem(path: string): Promise<void> {
  await run('sync', ['-f', path]);
}
