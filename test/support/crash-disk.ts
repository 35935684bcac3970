// A disk in memory that forgets what was never synced: every power cut leaves one of the states that were legal.

/**
 * `ordered`: changes of directories reach the disk in the order they were made, and an fsync takes all before it along,
 * as ext4 and xfs do. `strict`: only what POSIX promises; each unsynced change is kept or lost on its own.
 */
export type Ordering = 'ordered' | 'strict';

export interface FileNode {
  readonly kind: 'file';
  bytes: Buffer;
  mode: number;
  /** What a power cut leaves for certain. */
  synced: { bytes: Buffer; mode: number };
  /** Since then, oldest first. */
  pending: Write[];
}

export interface DirectoryNode {
  readonly kind: 'directory';
  mode: number;
  entries: Map<string, Node>;
  synced: Map<string, Node>;
}

export interface LinkNode {
  readonly kind: 'link';
  readonly target: string;
}

export type Node = FileNode | DirectoryNode | LinkNode;

interface Write {
  /** Null cuts the file to `at` bytes. */
  readonly bytes: Buffer | null;
  readonly at: number;
  /** `doubtful`: an fsync failed over it; the kernel counts it as clean, and no later fsync writes it. */
  fate: 'open' | 'doubtful' | 'kept';
}

/** One atomic change of names: a rename has two. */
type EntryChange = readonly {
  readonly directory: DirectoryNode;
  readonly name: string;
  readonly node: Node | null;
}[];

const SECTOR_BYTES = 512;

export class CrashDisk {
  readonly root: DirectoryNode;
  readonly #ordering: Ordering;
  #pending: EntryChange[] = [];

  constructor(ordering: Ordering, root: DirectoryNode = newDirectory(0o755)) {
    this.#ordering = ordering;
    this.root = root;
  }

  write(file: FileNode, at: number, bytes: Buffer): void {
    file.bytes = written(file.bytes, at, bytes);
    file.pending.push({ bytes, at, fate: 'open' });
  }

  truncate(file: FileNode, size: number): void {
    file.bytes = file.bytes.subarray(0, size);
    file.pending.push({ bytes: null, at: size, fate: 'open' });
  }

  change(change: EntryChange): void {
    apply(change, (directory) => directory.entries);
    this.#pending.push(change);
  }

  sync(node: FileNode | DirectoryNode): void {
    if (node.kind === 'file') syncFile(node);
    if (this.#ordering === 'ordered') this.#commit(() => true);
    else if (node.kind === 'directory')
      this.#commit((change) => change.some((one) => one.directory === node));
  }

  /** What EIO from fsync(2) means: what was to be written may be lost, and nobody will say so again. */
  failSync(node: FileNode | DirectoryNode): void {
    if (node.kind === 'file')
      for (const write of node.pending) if (write.fate === 'open') write.fate = 'doubtful';
  }

  syncAll(): void {
    this.#commit(() => true);
    for (const node of nodesBelow(this.root)) if (node.kind === 'file') syncFile(node);
  }

  /** The same disk a second time, everything on it durable. */
  copy(ordering: Ordering = this.#ordering): CrashDisk {
    const keep = (file: FileNode) => newFile(file.mode, file.bytes);
    return new CrashDisk(
      ordering,
      rebuild(this.root, (directory) => directory.entries, keep),
    );
  }

  /** The disk after a power cut: `random` decides what of the unsynced is kept. */
  afterPowerCut(random: () => number): CrashDisk {
    const chance = random() < 0.3 ? Math.round(random()) : random();
    const kept =
      this.#ordering === 'ordered'
        ? this.#pending.slice(0, Math.floor(random() * (this.#pending.length + 1)))
        : this.#pending.filter(() => random() < chance);
    for (const change of kept) apply(change, (directory) => directory.synced);
    const survivor = (file: FileNode) => {
      const mode = random() < chance ? file.mode : file.synced.mode;
      return newFile(mode, survivingBytes(file, chance, random));
    };
    return new CrashDisk(
      this.#ordering,
      rebuild(this.root, (directory) => directory.synced, survivor),
    );
  }

  /** What is committed overtakes older changes of the same names that are still pending. */
  #commit(isCommitted: (change: EntryChange) => boolean): void {
    const later: EntryChange[] = [];
    for (const change of this.#pending) {
      if (isCommitted(change)) apply(change, (directory) => directory.synced);
      else later.push(change);
    }
    const settled = this.#pending.filter(isCommitted).flat();
    this.#pending = later.map((change) =>
      change.filter(
        (one) => !settled.some((other) => other.directory === one.directory && other.name === one.name),
      ),
    );
  }
}

export function newFile(mode: number, bytes: Buffer = Buffer.alloc(0)): FileNode {
  return { kind: 'file', bytes, mode, synced: { bytes, mode }, pending: [] };
}

export function newDirectory(mode: number): DirectoryNode {
  return { kind: 'directory', mode, entries: new Map(), synced: new Map() };
}

function syncFile(file: FileNode): void {
  if (file.pending.some((write) => write.fate === 'doubtful')) {
    // Bytes that a failed fsync dropped stay dropped on the disk, though every reader still sees them.
    for (const write of file.pending) if (write.fate === 'open') write.fate = 'kept';
    file.synced = { ...file.synced, mode: file.mode };
  } else {
    file.synced = { bytes: file.bytes, mode: file.mode };
    file.pending = [];
  }
}

function survivingBytes(file: FileNode, chance: number, random: () => number): Buffer {
  return file.pending.reduce((bytes, write) => {
    if (write.fate === 'kept') return replay(bytes, write);
    if (random() >= chance) return bytes;
    if (write.bytes === null || random() < 0.7) return replay(bytes, write);
    return tear(bytes, write.at, write.bytes, random);
  }, file.synced.bytes);
}

/** Sectors are written whole, but not all of them and in any order. */
function tear(bytes: Buffer, at: number, torn: Buffer, random: () => number): Buffer {
  let result = bytes;
  for (let from = 0; from < torn.length; ) {
    const to = Math.min(torn.length, from + SECTOR_BYTES - ((at + from) % SECTOR_BYTES));
    if (random() < 0.5) result = written(result, at + from, torn.subarray(from, to));
    from = to;
  }
  return result;
}

function replay(bytes: Buffer, write: Write): Buffer {
  return write.bytes === null ? bytes.subarray(0, write.at) : written(bytes, write.at, write.bytes);
}

/** A gap before `at` reads as zeros. Buffers are never changed: nodes share them. */
function written(bytes: Buffer, at: number, more: Buffer): Buffer {
  const gap = Buffer.alloc(Math.max(0, at - bytes.length));
  return Buffer.concat([bytes.subarray(0, at), gap, more, bytes.subarray(at + more.length)]);
}

function apply(change: EntryChange, names: (directory: DirectoryNode) => Map<string, Node>): void {
  for (const { directory, name, node } of change) {
    if (node === null) names(directory).delete(name);
    else names(directory).set(name, node);
  }
}

/** Another disk with the same names; every file as `keep` says. */
function rebuild(
  directory: DirectoryNode,
  names: (directory: DirectoryNode) => Map<string, Node>,
  keep: (file: FileNode) => FileNode,
): DirectoryNode {
  const made = newDirectory(directory.mode);
  for (const [name, node] of names(directory)) {
    if (node.kind === 'file') made.entries.set(name, keep(node));
    else made.entries.set(name, node.kind === 'link' ? node : rebuild(node, names, keep));
  }
  made.synced = new Map(made.entries);
  return made;
}

function* nodesBelow(directory: DirectoryNode): Generator<Node> {
  for (const node of directory.entries.values()) {
    yield node;
    if (node.kind === 'directory') yield* nodesBelow(node);
  }
}
