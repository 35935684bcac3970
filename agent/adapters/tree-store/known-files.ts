// Files that were hashed moments ago and that nobody has touched since: within one deployment none is read twice of a tree to which nothing could write.
import { type BigIntStats, lstatSync } from 'node:fs';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { parseIndexInTurns } from '../../../shared/node/pack-source.ts';
import { createRests } from '../../../shared/node/turns.ts';
import { isAsStored } from '../../../shared/node/unpack.ts';
import type { TreeFile, TreeIndex } from '../../../shared/tree/tree-index.ts';

export interface KnownFiles {
  /** By the clock that files are given their times by. */
  readonly now: () => number;
  /** Whether what stands there is what was hashed, as the index lists it. */
  has(path: string, file: TreeFile): boolean;
  /** It was read whole from then on, and was as listed; `found` is older than that. */
  note(found: BigIntStats, file: TreeFile, readAt: number): void;
  /** A tree that was built from then on: what of it is new was the agent's alone, what it shares was hashed once it had its name. */
  noteBuilt(files: string, index: TreeIndex, since: number): Promise<void>;
  /** Of the bytes with that digest: a deployment asks both of its trees several times. */
  index(tree: Digest, bytes: Uint8Array): Promise<TreeIndex>;
  forget(): void;
}

interface Known {
  readonly dev: bigint;
  readonly size: bigint;
  readonly mode: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly digest: Digest;
}

/** What a disk loses in silence moves no time: the next deployment reads again. */
const REMEMBERED_MS = 15 * 60_000;
/** Some 20 MB of memory, and as much for their entries in indexes. */
const MOST_FILES = 65_536;
/** Times are those of the kernel's last tick, every 10 ms at the slowest. */
const TICK_MS = 40;
/** Where a file system keeps whole seconds, or every second one. */
const COARSE_TICK_MS = 2_000;

export function createKnownFiles(now: () => number): KnownFiles {
  const known = new Map<bigint, Known>();
  const indexes = new Map<Digest, TreeIndex>();
  let forgetting: NodeJS.Timeout | undefined;

  const remember = (found: BigIntStats, { digest }: TreeFile) => {
    if (known.size >= MOST_FILES && !known.has(found.ino)) return;
    const { dev, size, mode, mtimeNs, ctimeNs } = found;
    known.set(found.ino, { dev, size, mode, mtimeNs, ctimeNs, digest });
    forgetLater();
  };
  const forget = () => {
    clearTimeout(forgetting);
    forgetting = undefined;
    known.clear();
    indexes.clear();
  };
  const forgetLater = () => {
    forgetting ??= setTimeout(forget, REMEMBERED_MS).unref();
  };
  return {
    now,
    has(path, file) {
      const found = known.size === 0 ? null : look(path);
      const one = found === null ? undefined : known.get(found.ino);
      return found !== null && one !== undefined && isAsStored(found, file) && isSame(one, found, file);
    },
    note(found, file, readAt) {
      if (isSettled(found.ctimeNs, readAt)) remember(found, file);
    },
    async noteBuilt(files, index, since) {
      const rest = createRests();
      for (const entry of index.entries) {
        const found = entry.kind === 'file' ? look(`${files}/${entry.path}`) : null;
        if (entry.kind === 'file' && found !== null && isAsStored(found, entry)) {
          const isOwn = found.nlink === 1n || isSettled(found.mtimeNs, since);
          if (isOwn && isSettled(found.ctimeNs, now())) remember(found, entry);
        }
        const pause = rest();
        if (pause !== undefined) await pause;
      }
    },
    async index(tree, bytes) {
      const index = indexes.get(tree) ?? (await parseIndexInTurns(bytes));
      const entries = [index, ...indexes.values()].reduce((sum, one) => sum + one.entries.length, 0);
      if (entries <= MOST_FILES) {
        indexes.set(tree, index);
        forgetLater();
      }
      return index;
    },
    forget,
  };
}

/** Synchronous: what is known was in use moments ago, and asking the kernel is quicker than waiting for a thread to do so. */
function look(path: string): BigIntStats | null {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return null;
  }
}

/** Whatever is done to a file moves the time of its last change, which no program can set; but not at once what is written to its pages in memory. */
function isSame(one: Known, found: BigIntStats, { digest }: TreeFile): boolean {
  return (
    one.digest === digest &&
    (['dev', 'size', 'mode', 'mtimeNs', 'ctimeNs'] as const).every((key) => one[key] === found[key])
  );
}

/** So long before that nothing could have been written since without moving it. */
export function isSettled(timeNs: bigint, at: number): boolean {
  const isCoarse = timeNs % 1_000_000_000n === 0n;
  return timeNs < BigInt(Math.trunc(at) - (isCoarse ? COARSE_TICK_MS : TICK_MS)) * 1_000_000n;
}
