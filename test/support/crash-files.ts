// node:fs/promises over a crash disk: what the agent uses of it, each call a point where the disk may fail.
import { type CrashDisk, type Node, newDirectory, newFile } from './crash-disk.ts';
import { type BeforeCall, CrashHandle } from './crash-handle.ts';
import {
  type CrashStat,
  exists,
  failure,
  follow,
  kindOf,
  lookUp,
  parentOf,
  parseFlags,
  type StatOptions,
  statOf,
} from './crash-paths.ts';

export interface CrashFiles {
  open(path: string, flags?: string | number, mode?: number): Promise<CrashHandle>;
  readFile(path: string, encoding?: BufferEncoding): Promise<Buffer | string>;
  writeFile(path: string, data: Uint8Array | string, options?: WriteOptions): Promise<void>;
  copyFile(from: string, to: string): Promise<void>;
  mkdir(
    path: string,
    options?: number | { readonly recursive?: boolean; readonly mode?: number },
  ): Promise<string | undefined>;
  readdir(path: string, options?: { readonly withFileTypes?: boolean }): Promise<unknown[]>;
  /** What is in it as it is opened. */
  opendir(path: string): Promise<AsyncIterable<unknown>>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  rm(path: string, options?: { readonly recursive?: boolean; readonly force?: boolean }): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  readlink(path: string): Promise<string>;
  stat(path: string, options?: StatOptions): Promise<CrashStat>;
  lstat(path: string, options?: StatOptions): Promise<CrashStat>;
  statfs(path: string): Promise<unknown>;
  chmod(path: string, mode: number): Promise<void>;
  /** syncfs(2) */
  syncAll(): void;
}

interface WriteOptions {
  readonly mode?: number;
  readonly flag?: string;
  readonly flush?: boolean;
}

/** `disk` is asked anew at every call: a power cut puts another in its place. */
export function createCrashFiles(disk: () => CrashDisk, before: BeforeCall): CrashFiles {
  const find = (path: string, call: string) => lookUp(disk().root, path, call);
  const put = (path: string, node: Node | null, call: string) => {
    before(call, path);
    const { directory, name } = parentOf(disk().root, path, call);
    disk().change([{ directory, name, node }]);
  };

  async function open(path: string, flags: string | number = 'r', mode = 0o666): Promise<CrashHandle> {
    const wanted = parseFlags(flags);
    const named = find(path, 'open');
    if (named !== null && wanted.exclusive) throw failure('EEXIST', 'open', path);
    const found = named?.kind === 'link' ? follow(disk().root, path, 'open') : named;
    if (found !== null) {
      if (wanted.truncate && found.kind === 'file') {
        before('open', path);
        disk().truncate(found, 0);
      }
      return new CrashHandle(found, path, wanted.append, disk, before);
    }
    if (!wanted.create) throw failure('ENOENT', 'open', path);
    const file = newFile(mode & ~0o022);
    put(path, file, 'open');
    return new CrashHandle(file, path, wanted.append, disk, before);
  }

  async function removeOne(path: string, recursive: boolean): Promise<void> {
    const node = find(path, 'rm');
    if (node === null) throw failure('ENOENT', 'rm', path);
    if (node.kind !== 'directory') return put(path, null, 'unlink');
    if (!recursive) throw failure('ERR_FS_EISDIR', 'rm', path);
    for (const name of [...node.entries.keys()]) await removeOne(`${path}/${name}`, true);
    put(path, null, 'rmdir');
  }

  return {
    open,
    async readFile(path, encoding) {
      const node = follow(disk().root, path, 'open');
      if (node.kind !== 'file') throw failure('EISDIR', 'read', path);
      return encoding === undefined ? Buffer.from(node.bytes) : node.bytes.toString(encoding);
    },
    async writeFile(path, data, { mode, flag = 'w', flush = false } = {}) {
      const handle = await open(path, flag, mode);
      await handle.writeFile(data);
      if (flush) await handle.sync();
    },
    async copyFile(from, to) {
      const node = follow(disk().root, from, 'copyfile');
      if (node.kind !== 'file') throw failure('EISDIR', 'copyfile', from);
      await (await open(to, 'w', node.mode)).writeFile(node.bytes);
    },
    async mkdir(path, options = {}) {
      const { recursive = false, mode = 0o777 } = typeof options === 'number' ? { mode: options } : options;
      if (!recursive) {
        if (find(path, 'mkdir') !== null) throw failure('EEXIST', 'mkdir', path);
        put(path, newDirectory(mode), 'mkdir');
        return undefined;
      }
      const parts = path.split('/');
      const missing = parts
        .map((_, i) => parts.slice(0, i + 1).join('/'))
        .filter((each) => each !== '' && !exists(disk().root, each));
      for (const each of missing) put(each, newDirectory(mode), 'mkdir');
      return missing[0];
    },
    async readdir(path, { withFileTypes = false } = {}) {
      const node = follow(disk().root, path, 'scandir');
      if (node.kind !== 'directory') throw failure('ENOTDIR', 'scandir', path);
      return [...node.entries].map(([name, each]) => (withFileTypes ? { name, ...kindOf(each) } : name));
    },
    async opendir(path) {
      const node = follow(disk().root, path, 'opendir');
      if (node.kind !== 'directory') throw failure('ENOTDIR', 'opendir', path);
      const entries = [...node.entries].map(([name, each]) => ({ name, ...kindOf(each) }));
      return (async function* () {
        yield* entries;
      })();
    },
    async unlink(path) {
      const node = find(path, 'unlink');
      if (node === null) throw failure('ENOENT', 'unlink', path);
      if (node.kind === 'directory') throw failure('EISDIR', 'unlink', path);
      put(path, null, 'unlink');
    },
    async rmdir(path) {
      const node = find(path, 'rmdir');
      if (node === null) throw failure('ENOENT', 'rmdir', path);
      if (node.kind !== 'directory') throw failure('ENOTDIR', 'rmdir', path);
      if (node.entries.size > 0) throw failure('ENOTEMPTY', 'rmdir', path);
      put(path, null, 'rmdir');
    },
    async rename(from, to) {
      before('rename', from);
      const source = parentOf(disk().root, from, 'rename');
      const target = parentOf(disk().root, to, 'rename');
      const node = source.directory.entries.get(source.name);
      if (node === undefined) throw failure('ENOENT', 'rename', from);
      const there = target.directory.entries.get(target.name);
      if (there?.kind === 'directory' && there.entries.size > 0) throw failure('ENOTEMPTY', 'rename', from);
      disk().change([
        { ...source, node: null },
        { ...target, node },
      ]);
    },
    async rm(path, { recursive = false, force = false } = {}) {
      if (force && !exists(disk().root, path)) return;
      await removeOne(path, recursive);
    },
    async symlink(target, path) {
      if (find(path, 'symlink') !== null) throw failure('EEXIST', 'symlink', path);
      put(path, { kind: 'link', target }, 'symlink');
    },
    async readlink(path) {
      const node = find(path, 'readlink');
      if (node === null) throw failure('ENOENT', 'readlink', path);
      if (node.kind !== 'link') throw failure('EINVAL', 'readlink', path);
      return node.target;
    },
    stat: async (path, options) => statOf(follow(disk().root, path, 'stat'), options),
    async lstat(path, options) {
      const node = find(path, 'lstat');
      if (node === null) throw failure('ENOENT', 'lstat', path);
      return statOf(node, options);
    },
    statfs: async () => ({ bsize: 4096, bavail: 2 ** 28, files: 2 ** 20, ffree: 2 ** 20 }),
    async chmod(path, mode) {
      before('chmod', path);
      const node = follow(disk().root, path, 'chmod');
      node.mode = mode;
    },
    syncAll() {
      before('syncfs', '/');
      disk().syncAll();
    },
  };
}
