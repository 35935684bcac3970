// Files of the trust directory that are written together: whenever the power is cut, each is what it was or what it becomes.
//
// - Kept roots first. A root that stands in the history is caught up with at the next start, with all that follows from it.
// - Then what goes: after a recovery nothing that was signed before may stand beside the newer root.
// - Then all others in any order: whoever reads them holds each against the ones that list it.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toDiskError } from '../../../shared/errors/error.ts';
import { stageFile, syncDirectory } from '../../../shared/node/durable-file.ts';
import { replaceWith } from '../../../shared/node/set-aside.ts';
import { createTurns, forEachBounded } from '../../../shared/node/turns.ts';
import { HISTORY_DIRECTORY } from '../../core/repository-names.ts';

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
  const written = new Map<string, Uint8Array>();
  /** Each removal is one of its own: another may be asked for while it is under way. */
  const removed = new Map<string, object>();
  const inTurn = createTurns();

  const flush = async () => {
    const files = [...written];
    const gone = [...removed];
    const names = gone.map(([file]) => file);
    await writeTogether(directory, files, names);
    for (const [file, bytes] of files) if (written.get(file) === bytes) written.delete(file);
    for (const [file, removal] of gone) if (removed.get(file) === removal) removed.delete(file);
  };
  return {
    of: (file) => written.get(file) ?? (removed.has(file) ? null : undefined),
    names: () => written.keys(),
    async write(file, bytes) {
      const before = written.get(file);
      written.set(file, bytes);
      const waiting = [...written.values()].reduce((sum, { length }) => sum + length, 0);
      if (waiting <= MOST_WAITING_BYTES) return;
      await inTurn(flush).catch((cause: unknown) => {
        // Whoever wrote it is told, and trusts what was there before.
        if (before !== undefined) written.set(file, before);
        else written.delete(file);
        throw cause;
      });
    },
    remove(file) {
      written.delete(file);
      removed.set(file, {});
    },
    flush: () => inTurn(flush),
  };
}

type Named = readonly [file: string, bytes: Uint8Array];

/** In the order that stands at the top. */
async function writeTogether(
  directory: string,
  files: readonly Named[],
  gone: readonly string[],
): Promise<void> {
  const staged = new Map<string, string>();
  try {
    await forEachBounded(files, AT_ONCE, async ([file, bytes]) => {
      staged.set(file, await stageFile(join(directory, file), bytes));
    });
    const isKeptRoot = (file: string) => file.startsWith(`${HISTORY_DIRECTORY}/`);
    await placeAll(
      directory,
      HISTORY_DIRECTORY,
      [...staged].filter(([file]) => isKeptRoot(file)),
    );
    await removeAll(directory, gone);
    await placeAll(
      directory,
      '.',
      [...staged].filter(([file]) => !isKeptRoot(file)),
    );
  } catch (cause) {
    for (const temporary of staged.values()) await rm(temporary, { force: true }).catch(() => undefined);
    throw cause;
  }
}

async function placeAll(
  directory: string,
  within: string,
  staged: readonly (readonly [file: string, temporary: string])[],
): Promise<void> {
  await forEachBounded(staged, AT_ONCE, ([file, temporary]) => replaceWith(temporary, join(directory, file)));
  if (staged.length > 0) await syncDirectory(join(directory, within));
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
