// Files of the trust directory that are written together: whenever the power is cut, each is what it was or what it becomes.
//
// - Bytes go to the disk while the network is waited for; names are given by a flush.
// - Kept roots first. A root that stands in the history is caught up with at the next start, with all that follows from it.
// - Then what goes: after a recovery nothing that was signed before may stand beside the newer root.
// - Then all others in any order: whoever reads them holds each against the ones that list it.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toDiskError } from '../../../shared/errors/error.ts';
import { stageFile, syncDirectory } from '../../../shared/node/durable-file.ts';
import { replaceWith } from '../../../shared/node/set-aside.ts';
import { createTurns, forEachBounded } from '../../../shared/node/turns.ts';
import { HISTORY_DIRECTORY, ROOT_FILE } from '../../core/repository-names.ts';

export interface WaitingFiles {
  /** What will stand there, null where nothing will; undefined where it is what the disk has. */
  of(file: string): Uint8Array | null | undefined;
  names(): Iterable<string>;
  /** Waits for the disk only where much is waiting already; what the disk refuses then does not wait. Errors: disk/*. */
  write(file: string, bytes: Uint8Array): Promise<void>;
  remove(file: string): void;
  /** After it nothing waits. What failed waits for the next time. Errors: disk/*. */
  flush(): Promise<void>;
}

/** Until the disk has them they are held in memory: whoever signs long lists does not decide how much. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
/** So many of Node's threads work on files. */
const AT_ONCE = 4;

export function createWaitingFiles(directory: string): WaitingFiles {
  const written = new Map<string, WaitingFile>();
  /** Each removal is one of its own: another may be asked for while it is under way. */
  const removed = new Map<string, object>();
  const inTurn = createTurns();
  /** What is getting its name now. */
  let placed: ReadonlySet<WaitingFile> = new Set();
  let left: Promise<unknown> = Promise.resolve();
  const leave = (one: WaitingFile | undefined) => {
    if (one !== undefined && !placed.has(one)) left = Promise.all([left, one.leave()]).then(() => undefined);
  };

  const flush = async () => {
    const files = [...written];
    const gone = [...removed];
    const names = gone.map(([file]) => file);
    placed = new Set(written.values());
    try {
      await writeTogether(directory, files, names);
    } finally {
      placed = new Set();
      await left;
    }
    for (const [file, one] of files) if (written.get(file) === one) written.delete(file);
    for (const [file, removal] of gone) if (removed.get(file) === removal) removed.delete(file);
  };
  return {
    of: (file) => written.get(file)?.bytes ?? (removed.has(file) ? null : undefined),
    names: () => written.keys(),
    async write(file, bytes) {
      const before = written.get(file);
      const next = createWaitingFile(join(directory, file), bytes);
      written.set(file, next);
      leave(before);
      // Roots are flushed as they are reached, and those that trust starts from are mostly followed by another at once.
      if (!isRoot(file)) next.stage().catch(() => undefined);
      const waiting = [...written.values()].reduce((sum, one) => sum + one.bytes.length, 0);
      if (waiting <= MOST_WAITING_BYTES) return;
      await inTurn(flush).catch((cause: unknown) => {
        // Whoever wrote it is told, and trusts what was there before.
        if (before !== undefined) written.set(file, before);
        else written.delete(file);
        throw cause;
      });
    },
    remove(file) {
      leave(written.get(file));
      written.delete(file);
      removed.set(file, {});
    },
    flush: () => inTurn(flush),
  };
}

interface WaitingFile {
  readonly bytes: Uint8Array;
  /** On the disk beside its place: begun once, and again where it failed. Gives the name that it has there. Errors: disk/*. */
  stage(): Promise<string>;
  /** Nothing of it is left on the disk. Never throws. */
  leave(): Promise<void>;
}

function createWaitingFile(path: string, bytes: Uint8Array): WaitingFile {
  let staged: Promise<string> | null = null;
  return {
    bytes,
    stage() {
      staged ??= stageFile(path, bytes).catch((cause: unknown) => {
        staged = null;
        throw cause;
      });
      return staged;
    },
    async leave() {
      const begun = staged;
      staged = null;
      await begun?.then((temporary) => rm(temporary, { force: true })).catch(() => undefined);
    },
  };
}

type Named = readonly [file: string, one: WaitingFile];

/** In the order that stands at the top. */
async function writeTogether(
  directory: string,
  files: readonly Named[],
  gone: readonly string[],
): Promise<void> {
  try {
    await forEachBounded(files, AT_ONCE, async ([, one]) => void (await one.stage()));
    await placeAll(
      directory,
      HISTORY_DIRECTORY,
      files.filter(([file]) => isKeptRoot(file)),
    );
    await removeAll(directory, gone);
    await placeAll(
      directory,
      '.',
      files.filter(([file]) => !isKeptRoot(file)),
    );
  } catch (cause) {
    await Promise.all(files.map(([, one]) => one.leave()));
    throw cause;
  }
}

function isKeptRoot(file: string): boolean {
  return file.startsWith(`${HISTORY_DIRECTORY}/`);
}

function isRoot(file: string): boolean {
  return file === ROOT_FILE || isKeptRoot(file);
}

async function placeAll(directory: string, within: string, files: readonly Named[]): Promise<void> {
  await forEachBounded(files, AT_ONCE, async ([file, one]) => {
    await replaceWith(await one.stage(), join(directory, file));
  });
  if (files.length > 0) await syncDirectory(join(directory, within));
}

async function removeAll(directory: string, files: readonly string[]): Promise<void> {
  for (const file of files) {
    const path = join(directory, file);
    await rm(path, { recursive: true, force: true }).catch((cause: unknown) => {
      throw toDiskError(path, cause);
    });
  }
  if (files.length > 0) await syncDirectory(directory);
}
