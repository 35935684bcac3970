// An open file of a crash disk.
import type { CrashDisk, DirectoryNode, FileNode } from './crash-disk.ts';
import { type CrashStat, codeOf, failure, type StatOptions, statOf } from './crash-paths.ts';

/** Asked before every call that changes the disk or makes a change last; what it throws is what the caller gets. */
export type BeforeCall = (call: string, path: string) => void;

/** Each open file, by its number. */
const opened = new Map<number, CrashHandle>();
let nextFd = 1_000_000_000;

/** What a path below `/proc/self/fd` names on a crash disk; null for one of the kernel's. */
export function pathBehind(path: string): string | null {
  const [, fd = '', below = ''] = /^\/proc\/self\/fd\/(\d+)(\/.*)?$/.exec(path) ?? [];
  const held = opened.get(Number(fd));
  return fd === '' || held === undefined ? null : held.path + below;
}

/** The open file with this number; null for one of the kernel's. */
export function handleBehind(fd: number): CrashHandle | null {
  return opened.get(fd) ?? null;
}

/** What the kernel says of the file with this number: all of a crash disk is one mount. */
export function factsBehind(path: string): string | null {
  const [, fd = ''] = /^\/proc\/self\/fdinfo\/(\d+)$/.exec(path) ?? [];
  return opened.get(Number(fd)) === undefined ? null : 'mnt_id:\t1\n';
}

export class CrashHandle {
  readonly #node: FileNode | DirectoryNode;
  readonly path: string;
  readonly #append: boolean;
  readonly #disk: () => CrashDisk;
  readonly #before: BeforeCall;
  /** Far above any of the kernel's. */
  readonly fd = nextFd++;
  #position = 0;
  #isClosed = false;

  constructor(
    node: FileNode | DirectoryNode,
    path: string,
    append: boolean,
    disk: () => CrashDisk,
    before: BeforeCall,
  ) {
    this.#node = node;
    this.path = path;
    this.#append = append;
    this.#disk = disk;
    this.#before = before;
    opened.set(this.fd, this);
  }

  async writeFile(data: Uint8Array | string): Promise<void> {
    const bytes = Buffer.from(data);
    if (bytes.length > 0) await this.write(bytes, 0, bytes.length, null);
  }

  async write(data: Uint8Array, offset: number, length: number, position: number | null): Promise<unknown> {
    const file = this.#file('write');
    const at = position ?? (this.#append ? file.bytes.length : this.#position);
    const bytes = Buffer.from(data.subarray(offset, offset + length));
    try {
      this.#before('write', this.path);
    } catch (error) {
      // A full disk takes what still fits.
      if (codeOf(error) === 'ENOSPC') this.#disk().write(file, at, bytes.subarray(0, length >> 1));
      throw error;
    }
    this.#disk().write(file, at, bytes);
    if (position === null) this.#position = at + length;
    return { bytesWritten: length };
  }

  async readFile(): Promise<Buffer> {
    return Buffer.from(this.#file('read').bytes);
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number | null = null) {
    return { bytesRead: this.readNow(buffer, offset, length, position) };
  }

  readNow(buffer: Uint8Array, offset = 0, length = buffer.length, position: number | null = null): number {
    const at = position ?? this.#position;
    const bytes = this.#file('read').bytes.subarray(at, at + length);
    buffer.set(bytes, offset);
    if (position === null) this.#position = at + bytes.length;
    return bytes.length;
  }

  async sync(): Promise<void> {
    try {
      this.#before('fsync', this.path);
    } catch (error) {
      if (codeOf(error) === 'EIO') this.#disk().failSync(this.#node);
      throw error;
    }
    // It takes its time: whoever closes the file meanwhile has synced nothing.
    await Promise.resolve();
    if (this.#isClosed) throw failure('EBADF', 'fsync', this.path);
    this.#disk().sync(this.#node);
  }

  datasync(): Promise<void> {
    return this.sync();
  }

  async stat(options?: StatOptions): Promise<CrashStat> {
    return this.statNow(options);
  }

  statNow(options?: StatOptions): CrashStat {
    return statOf(this.#node, options);
  }

  async chmod(mode: number): Promise<void> {
    this.#before('fchmod', this.path);
    this.#node.mode = mode;
  }

  async close(): Promise<void> {
    this.closeNow();
  }

  closeNow(): void {
    this.#isClosed = true;
    opened.delete(this.fd);
  }

  #file(call: string): FileNode {
    if (this.#node.kind !== 'file') throw failure('EISDIR', call, this.path);
    return this.#node;
  }
}
