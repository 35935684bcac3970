// Builds a tree from a patch and the tree it starts from: what is unchanged is taken from there, every file is held against the new index.
import { type BigIntStats, closeSync, constants, fchmodSync, openSync, rmSync, writeSync } from 'node:fs';
import type { Digest } from '../encoding/digest.ts';
import { isFairleadError } from '../errors/error.ts';
import { createContentCheck } from '../tree/content-check.ts';
import type { UnpackedPart } from '../tree/pack-steps.ts';
import type { TreeFile } from '../tree/tree-index.ts';
import { type BaseTree, baseChanged, withBaseFile } from './base-files.ts';
import type { PatchContents } from './patch-reader.ts';
import { CHUNK_BYTES, createTaker, hash } from './take-file.ts';
import { parentOf, type TreePlaces } from './tree-places.ts';
import { createRests } from './turns.ts';
import { copiesByContent, layOut, storedMode, writeUnits } from './unpack.ts';

const { O_WRONLY, O_APPEND, O_NOFOLLOW } = constants;

/**
 * `directory` is empty and the agent's alone; for a process of its own: a unit
 * with its dictionary takes up to 100 ms in one piece, one of a liar up to two seconds. `mayLink` where nothing can write to the files of the old tree but whoever
 * may write to those of the new one too: unchanged ones are one file in both then.
 * Errors: tree/pack-damaged, tree/base-changed, tree/mismatch, and the file system's own.
 */
export async function applyPatch(patch: PatchContents, directory: string, mayLink = false): Promise<void> {
  const brought = broughtContents(patch);
  const taken = takenContents(patch, brought);
  const check = createContentCheck(patch.index, patch.header.to, (content) => taken.has(content));
  const copies = copiesByContent(patch.index);
  // Made in the order in which they are filled, and so ahead of it.
  const created = [...brought].flatMap((content) => copies.get(content) ?? []).map(({ path }) => path);
  const write = async (places: TreePlaces) => {
    await takeFiles(patch, taken, { directory, places }, mayLink);
    await blamingBases(patch, () =>
      writeUnits(patch, check, (file, part) => writePart({ directory, places }, file, part)),
    );
  };
  await layOut(patch.index, directory, write, created);
}

/** Where it is built. */
interface Target {
  readonly directory: string;
  readonly places: TreePlaces;
}

/** What stands in units, in their order. */
function broughtContents({ index, plan }: PatchContents): ReadonlySet<Digest> {
  const brought = new Set<Digest>();
  for (const position of plan.flatMap(({ files }) => files)) {
    const entry = index.entries[position];
    if (entry?.kind === 'file') brought.add(entry.digest);
  }
  return brought;
}

/**
 * What stands in no unit, and the old files that have it. The plan decides: the service of the old release may have
 * written to some of them since, and the vendor knows to which.
 */
function takenContents(
  { base }: PatchContents,
  brought: ReadonlySet<Digest>,
): ReadonlyMap<Digest, TreeFile[]> {
  const old = base.index.entries.filter((entry) => entry.kind === 'file');
  return Map.groupBy(
    old.filter((file) => !brought.has(file.digest)),
    (file) => file.digest,
  );
}

/**
 * Bytes that are not what was signed come of other bytes in a dictionary as well as of a patch that lies: whoever fetches them must
 * know which. Error: tree/base-changed where an old file is not what it was.
 */
async function blamingBases(
  { base, plan, scripts }: PatchContents,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (cause) {
    if (!isFairleadError(cause, 'tree/pack-damaged', 'tree/mismatch')) throw cause;
    const rest = createRests();
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const scripted = [...scripts.values()].map(({ from }) => from);
    const starts = plan.flatMap(({ bases }) => bases.map(([position]) => position));
    for (const position of new Set([...scripted, ...starts])) {
      const file = base.index.entries[position];
      if (file?.kind !== 'file') continue;
      const found = withBaseFile(base, file, (fd) => hash(fd, file, buffer));
      if (found !== file.digest) throw baseChanged(base.digest, file.path, { cause });
      await rest();
    }
    throw cause;
  }
}

async function takeFiles(
  { base, index }: PatchContents,
  taken: ReadonlyMap<Digest, TreeFile[]>,
  { directory, places }: Target,
  mayLink: boolean,
): Promise<void> {
  const rest = createRests();
  const take = createTaker(base.directory, mayLink);
  const old = new Map(base.index.entries.map((entry) => [entry.path, entry]));
  for (const entry of index.entries) {
    const copies = entry.kind === 'file' ? taken.get(entry.digest) : undefined;
    if (entry.kind !== 'file' || copies === undefined) continue;
    const path = `${directory}/${entry.path}`;
    const wait = places.reach(parentOf(entry.path));
    if (wait !== undefined) await wait;
    const same = old.get(entry.path);
    // Who shares a file with what stood in its place is known when it is: what is read once is read for both.
    const first = same?.kind === 'file' && same.digest === entry.digest ? same : copies[0];
    takeOne(base, [first as TreeFile, copies], path, (fd, found, from) => take(fd, found, from, path, entry));
    const pause = rest();
    if (pause !== undefined) await pause;
  }
}

/** From the first copy that is what it was; one that is not goes from the list. Error: tree/base-changed where none is left. */
function takeOne(
  base: BaseTree,
  [first, copies]: readonly [TreeFile, TreeFile[]],
  path: string,
  take: (fd: number, found: BigIntStats, from: TreeFile) => Digest | null,
): void {
  for (let from = first; ; ) {
    try {
      if (withBaseFile(base, from, (fd, found) => take(fd, found, from)) === from.digest) return;
      throw baseChanged(base.digest, from.path);
    } catch (cause) {
      if (!isFairleadError(cause, 'tree/base-changed')) throw cause;
      if (from === copies[0]) copies.shift();
      const [next] = copies;
      if (next === undefined) throw cause;
      from = next;
      rmSync(path, { force: true });
    }
  }
}

/** It is there, empty: to find a place for it is what takes time. */
async function writePart({ directory, places }: Target, file: TreeFile, part: UnpackedPart): Promise<void> {
  await places.reach(file.path);
  const fd = openSync(`${directory}/${file.path}`, O_WRONLY | O_NOFOLLOW | O_APPEND);
  try {
    for (let done = 0; done < part.length; ) done += writeSync(fd, part.bytes, done);
    if (part.offset + part.length === file.size) fchmodSync(fd, storedMode(file.mode));
  } finally {
    closeSync(fd);
  }
}
