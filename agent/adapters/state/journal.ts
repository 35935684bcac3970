// The journal on disk: one file for the deployment under way, its space reserved, every entry synced before it counts.
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toDiskError } from '../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { isMomentary, namesIfPresent, readIfPresent } from '../../../shared/node/read-file.ts';
import type { Journal } from '../../ports/state.ts';
import { decodeFrames, encodeFrame } from './journal-frames.ts';

// Most entries are half as long; a failure with its message is longer.
const RESERVED_BYTES_PER_ENTRY = 320;

export function createJournal({ stateDir }: { readonly stateDir: string }): Journal {
  const directory = join(stateDir, 'journal');
  const pathOf = (deployment: number) => join(directory, `${deployment}.journal`);
  let path: string | null = null;
  /** Where the next entry goes; null when only the file can tell. */
  let end: number | null = null;

  async function endBefore(sequence: number, of: string): Promise<number> {
    const { ends } = decodeFrames((await readIfPresent(of)) ?? new Uint8Array());
    const found = sequence === 1 ? 0 : ends[sequence - 2];
    if (found === undefined) throw new TypeError(`journal entry ${sequence} does not follow what is written`);
    return found;
  }

  return {
    async read() {
      const deployment = await newestJournal(directory);
      if (deployment === null) return null;
      path = pathOf(deployment);
      const bytes = await readIfPresent(path).catch((error: unknown) => {
        if (isMomentary(error)) throw error;
        return null;
      });
      if (bytes === null) return { deployment, entries: [], damaged: true };
      const { entries, ends, damaged } = decodeFrames(bytes);
      end = ends.at(-1) ?? 0;
      if (!damaged) await writeAgain(path, end);
      return { deployment, entries, damaged };
    },
    async begin(deployment, expectedEntries) {
      path = pathOf(deployment);
      end = 0;
      await makeDirectory(directory);
      await writeDurably(path, new Uint8Array(expectedEntries * RESERVED_BYTES_PER_ENTRY));
    },
    async append(entry) {
      if (path === null) throw new TypeError('no journal has been begun');
      const frame = encodeFrame(entry);
      const start = end ?? (await endBefore(entry.sequence, path));
      // Until it is known to be on disk: a failed sync leaves what nobody knows.
      end = null;
      await writeAt(path, frame, start);
      end = start + frame.length;
    },
    async replace(deployment, entries) {
      path = pathOf(deployment);
      end = null;
      await makeDirectory(directory);
      await setAside(path);
      await writeDurably(path, Buffer.concat(entries.map(encodeFrame)));
    },
    async end(deployment) {
      path = null;
      await rm(pathOf(deployment), { force: true });
      await syncDirectory(directory);
    },
  };
}

/** A person may still want to look at it. What is no file, or not there, is not opened: it gives up its name. */
async function setAside(path: string): Promise<void> {
  const aside = `${path}.damaged`;
  const bytes = await readIfPresent(path).catch(() => null);
  if (bytes !== null) await writeDurably(aside, bytes);
  else await rename(path, aside).catch(() => undefined);
}

/** A descriptor for each entry: one whose sync failed forgets the failure, so none is ever asked twice. */
async function writeAt(path: string, bytes: Uint8Array, position: number): Promise<void> {
  const handle = await open(path, 'r+').catch((cause: unknown) => {
    throw toDiskError(path, cause);
  });
  try {
    await handle.write(bytes, 0, bytes.length, position);
    await handle.datasync();
  } catch (cause) {
    throw toDiskError(path, cause, bytes.length);
  } finally {
    await handle.close();
  }
}

async function newestJournal(directory: string): Promise<number | null> {
  const names = await namesIfPresent(directory);
  const numbers = names.flatMap((name) => /^(\d+)\.journal$/.exec(name)?.[1] ?? []).map(Number);
  return numbers.length === 0 ? null : Math.max(...numbers);
}

/**
 * Writes what was read once more, in the room it has, a torn last frame as the zeros that were reserved there. After an
 * fsync that failed, the kernel shows bytes that are on no disk: whoever acts on them must write them again.
 */
async function writeAgain(path: string, end: number): Promise<void> {
  const bytes = await readIfPresent(path);
  if (bytes !== null) await writeAt(path, Buffer.from(bytes).fill(0, end), 0);
}
