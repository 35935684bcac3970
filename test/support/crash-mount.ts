// Puts a crash disk in the place of one directory, for the whole process: load it before the code that is to use it.
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';
import { CrashDisk, newDirectory } from './crash-disk.ts';
import { type CrashFiles, createCrashFiles } from './crash-files.ts';
import { type BeforeCall, factsBehind, handleBehind, pathBehind } from './crash-handle.ts';
import { CRASH_DESCRIPTORS, type CrashCalls, createCrashCalls } from './crash-sync.ts';

/** Everything below it is on the crash disk; all other paths are where they always were. */
export const MOUNT_POINT = '/crash-disk';

export interface CrashMount {
  disk: CrashDisk;
  before: BeforeCall;
}

/** What is mounted now. */
export const mount: CrashMount = { disk: emptyDisk(), before: () => undefined };

export function emptyDisk(): CrashDisk {
  const root = newDirectory(0o755);
  root.entries.set(MOUNT_POINT.slice(1), newDirectory(0o700));
  return new CrashDisk('ordered', root).copy();
}

const files = createCrashFiles(
  () => mount.disk,
  (call, path) => mount.before(call, path),
);

const isMounted = (path: unknown) =>
  typeof path === 'string' && path.startsWith(MOUNT_POINT) && (path[MOUNT_POINT.length] ?? '/') === '/';

type AnyFunction = (...args: unknown[]) => unknown;

/** `index` says which argument is a path of this side. */
function divert(name: Exclude<keyof CrashFiles, 'syncAll'>, index = 0): void {
  const real = fs.promises[name] as AnyFunction;
  const ours = files[name] as AnyFunction;
  const diverted: AnyFunction = (...args) => {
    const named = args.map((each) => (typeof each === 'string' ? (pathBehind(each) ?? each) : each));
    return isMounted(named[index]) ? ours(...named) : real(...args);
  };
  Object.assign(fs.promises, { [name]: diverted });
}

for (const name of ['open', 'readFile', 'writeFile', 'copyFile', 'mkdir', 'readdir', 'rename', 'rm'] as const)
  divert(name);
for (const name of ['readlink', 'stat', 'lstat', 'statfs', 'chmod', 'opendir', 'unlink', 'rmdir'] as const)
  divert(name);
divert('symlink', 1);

const readKernels = fs.promises.readFile as AnyFunction;
const readFile: AnyFunction = async (path, ...args) =>
  (typeof path === 'string' ? factsBehind(path) : null) ?? readKernels(path, ...args);
Object.assign(fs.promises, { readFile });

const calls = createCrashCalls(
  () => mount.disk,
  (call, path) => mount.before(call, path),
);

for (const [name, ours] of Object.entries(calls) as [keyof CrashCalls, AnyFunction][]) {
  const atOnce = fs[name] as AnyFunction;
  const diverted: AnyFunction = (path, ...args) => (isMounted(path) ? ours : atOnce)(path, ...args);
  Object.assign(fs, { [name]: diverted });
}

for (const [name, ours] of Object.entries(CRASH_DESCRIPTORS) as [
  keyof typeof CRASH_DESCRIPTORS,
  AnyFunction,
][]) {
  const real = fs[name] as unknown as AnyFunction;
  const diverted: AnyFunction = (fd, ...args) => {
    const handle = handleBehind(fd as number);
    return handle === null ? real(fd, ...args) : ours(handle, ...args);
  };
  Object.assign(fs, { [name]: diverted });
}

// `sync -f` is how the tree store makes a tree durable.
const real = childProcess.execFile as unknown as AnyFunction;
const realRun = promisify(childProcess.execFile) as AnyFunction;
const execFile = Object.assign((...args: unknown[]) => real(...args), {
  [promisify.custom]: async (program: string, args: readonly string[], options?: unknown) => {
    if (program !== 'sync' || !isMounted(args.at(-1))) return realRun(program, args, options);
    files.syncAll();
    return { stdout: '', stderr: '' };
  },
});
Object.assign(childProcess, { execFile });
syncBuiltinESMExports();
