// What a program has of its own beside the code that runs: threads, files, and itself as another process.
// From sources these are files beside this one. In an executable there is no such place, and they are inside it: nothing else asks
// where code lies.
import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** A file of the sources by its path there, always written whole: a build embeds what it finds written in a program. */
export type OwnPath = `${'agent' | 'server' | 'shared' | 'test'}/${string}.${'ts' | 'js' | 'css'}`;

const ROOT = isSea() ? '' : fileURLToPath(new URL('../../', import.meta.url));

/** Errors of a module that cannot be loaded come as the worker's `error`. */
export function createWorker(module: OwnPath, options: WorkerOptions): Worker {
  return isSea()
    ? new Worker(getAsset(module, 'utf8'), { ...options, eval: true })
    : new Worker(ROOT + module, options);
}

export function readOwnText(path: OwnPath): string {
  return isSea() ? getAsset(path, 'utf8') : readFileSync(ROOT + path, 'utf8');
}

/** The words that start this program once more: one executable, or Node with its options and the file where the program begins. */
export function ownProgram(main: OwnPath): readonly string[] {
  return isSea() ? [process.execPath] : [process.execPath, ...process.execArgv, ROOT + main];
}

/** The one file that this program is, which can be copied; null where it runs from sources. */
export function ownExecutable(): string | null {
  return isSea() ? process.execPath : null;
}
