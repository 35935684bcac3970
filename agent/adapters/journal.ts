// The journal on disk: one file for the deployment under way, its space reserved, every entry synced before it counts.
import { copyFile, type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalEntry } from '../../shared/schema/journal.ts';
import type { Journal } from '../ports/journal.ts';
import { makeDirectory, syncDirectory, toDiskError, writeDurably } from './durable-file.ts';
import { decodeFrames, encodeFrame } from './journal-frames.ts';
import { readIfPresent } from './read-file.ts';

// Most entries are half as long; a failure with its message is longer.
const RESERVED_BYTES_PER_ENTRY = 320;

export function createJournal({ stateDir }: { readonly stateDir: string }): Journal {
  const directory = join(stateDir, 'journal');
  const pathOf = (deployment: number) => join(directory, `${deployment}.journal`);
  let path: string | null = null;
  let opened: { readonly handle: FileHandle; end: number } | null = null;

  async function close(): Promise<void> {
    const handle = opened?.handle;
    opened = null;
    await handle?.close();
  }

  async function reopen(of: string, sequence: number) {
    const { ends } = decodeFrames((await readIfPresent(of)) ?? new Uint8Array());
    const end = sequence === 1 ? 0 : ends[sequence - 2];
    if (end === undefined) throw new TypeError(`journal entry ${sequence} does not follow what is written`);
    opened = { handle: await open(of, 'r+'), end };
    return opened;
  }

  return {
    async read() {
      await close();
      const deployment = await newestJournal(directory);
      if (deployment === null) return null;
      path = pathOf(deployment);
      const { entries, ends, damaged } = decodeFrames((await readIfPresent(path)) ?? new Uint8Array());
      if (!damaged) await clearFrom(path, ends.at(-1) ?? 0);
      return { deployment, entries, damaged };
    },
    async begin(deployment, expectedEntries) {
      await close();
      path = pathOf(deployment);
      await makeDirectory(directory);
      await writeDurably(path, new Uint8Array(expectedEntries * RESERVED_BYTES_PER_ENTRY));
    },
    async append(entry: JournalEntry) {
      if (path === null) throw new TypeError('no journal has been begun');
      const frame = encodeFrame(entry);
      try {
        const file = opened ?? (await reopen(path, entry.sequence));
        await file.handle.write(frame, 0, frame.length, file.end);
        await file.handle.datasync();
        file.end += frame.length;
      } catch (cause) {
        // What a failed sync left is unknown, and the descriptor forgets the failure: it is never asked again.
        await close().catch(() => undefined);
        throw toDiskError(path, cause, frame.length);
      }
    },
    async replace(deployment, entries) {
      await close();
      path = pathOf(deployment);
      await copyFile(path, `${path}.damaged`);
      await writeDurably(path, Buffer.concat(entries.map(encodeFrame)));
    },
    async end(deployment) {
      await close();
      path = null;
      await rm(pathOf(deployment), { force: true });
      await syncDirectory(directory);
    },
  };
}

async function newestJournal(directory: string): Promise<number | null> {
  const names = await readdir(directory).catch(() => []);
  const numbers = names.flatMap((name) => /^(\d+)\.journal$/.exec(name)?.[1] ?? []).map(Number);
  return numbers.length === 0 ? null : Math.max(...numbers);
}

/** Overwrites a torn last frame with the zeros that were reserved there. */
async function clearFrom(path: string, end: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    const { size } = await handle.stat();
    const rest = Buffer.alloc(size - end);
    const { bytesRead } = await handle.read(rest, 0, rest.length, end);
    if (rest.subarray(0, bytesRead).every((byte) => byte === 0)) return;
    await handle.write(Buffer.alloc(rest.length), 0, rest.length, end);
    await handle.sync();
  } catch (cause) {
    throw toDiskError(path, cause);
  } finally {
    await handle.close();
  }
}
