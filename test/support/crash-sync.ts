// node:fs over a crash disk: what the agent asks of it at once, each change a point where the disk may fail.
import { type CrashDisk, newDirectory } from './crash-disk.ts';
import { type BeforeCall, CrashHandle } from './crash-handle.ts';
import {
  type CrashStat,
  failure,
  follow,
  kindOf,
  lookUp,
  parentOf,
  type StatOptions,
  statOf,
} from './crash-paths.ts';

export interface CrashCalls {
  mkdirSync(path: string): void;
  chmodSync(path: string, mode: number): void;
  lstatSync(path: string, options?: StatOptions): CrashStat;
  readlinkSync(path: string): string;
  readdirSync(path: string): readonly string[];
  /** For reading. */
  openSync(path: string): number;
  opendirSync(path: string): { readSync(): object | null; closeSync(): void };
}

/** `disk` is asked anew at every call, as by `createCrashFiles`. */
export function createCrashCalls(disk: () => CrashDisk, before: BeforeCall): CrashCalls {
  const found = (path: string, call: string) => {
    const node = lookUp(disk().root, path, call);
    if (node === null) throw failure('ENOENT', call, path);
    return node;
  };
  const listed = (path: string, call: string) => {
    const node = follow(disk().root, path, call);
    if (node.kind !== 'directory') throw failure('ENOTDIR', call, path);
    return node.entries;
  };
  return {
    mkdirSync(path) {
      if (lookUp(disk().root, path, 'mkdir') !== null) throw failure('EEXIST', 'mkdir', path);
      before('mkdir', path);
      const { directory, name } = parentOf(disk().root, path, 'mkdir');
      disk().change([{ directory, name, node: newDirectory(0o777) }]);
    },
    chmodSync(path, mode) {
      before('chmod', path);
      follow(disk().root, path, 'chmod').mode = mode;
    },
    lstatSync: (path, options) => statOf(found(path, 'lstat'), options),
    readlinkSync(path) {
      const node = found(path, 'readlink');
      if (node.kind !== 'link') throw failure('EINVAL', 'readlink', path);
      return node.target;
    },
    readdirSync: (path) => [...listed(path, 'scandir').keys()],
    openSync: (path) => new CrashHandle(follow(disk().root, path, 'open'), path, false, disk, before).fd,
    opendirSync(path) {
      const entries = [...listed(path, 'opendir')].map(([name, each]) => ({ name, ...kindOf(each) }));
      return { readSync: () => entries.shift() ?? null, closeSync: () => undefined };
    },
  };
}

/** What is asked of an open file by its number. */
export const CRASH_DESCRIPTORS = {
  fstatSync: (handle: CrashHandle, options?: StatOptions) => handle.statNow(options),
  readSync: (handle: CrashHandle, buffer: Uint8Array) => handle.readNow(buffer),
  closeSync: (handle: CrashHandle) => handle.closeNow(),
  read(
    handle: CrashHandle,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
    answer: (error: unknown, bytesRead?: number) => void,
  ) {
    handle.read(buffer, offset, length, position).then(({ bytesRead }) => answer(null, bytesRead), answer);
  },
} as const;
