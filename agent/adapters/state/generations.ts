// The generations on disk as this process knows them: read once, and written again where the disk loses what it had.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { isMomentary } from '../../../shared/node/read-file.ts';
import { setAside } from '../../../shared/node/set-aside.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import { deploymentRecord } from '../../../shared/schema/deployment.ts';
import type { StoredGeneration } from '../../ports/state.ts';
import { filesOf, readGeneration, writeGeneration } from './generation-files.ts';
import { type RecordFiles, writeStored } from './record-files.ts';

export interface GenerationsOptions {
  /** Of all of them. */
  readonly directory: string;
  readonly treeDirectoryOf: (tree: Digest) => string;
  readonly records: Pick<RecordFiles, 'committedBy' | 'records'>;
  /** Hears once of each that cannot be read. */
  readonly onDamage: (error: unknown) => void;
}

export interface Generations {
  readonly directoryOf: (number: number) => string;
  /** Null where it cannot be read; asked again each time, for somebody may have put it back. */
  load(number: number): Promise<StoredGeneration | null>;
  write(generation: StoredGeneration): Promise<void>;
  /** It has changed, or is about to go. */
  forget(number: number): void;
  /** Where the disk has lost it since it was read, it is written again: what runs must be known after the next start, too. */
  keep(number: number): Promise<void>;
}

interface Known {
  readonly generation: StoredGeneration;
  /** What its files looked like then. */
  readonly looks: string;
}

export function createGenerations(options: GenerationsOptions): Generations {
  const { directory, treeDirectoryOf, records, onDamage } = options;
  const known = new Map<number, Known>();
  const damaged = new Set<number>();
  const inTurn = createTurns();
  const directoryOf = (number: number) => join(directory, String(number));

  async function read(number: number): Promise<StoredGeneration | null> {
    try {
      const generation = await readGeneration(directoryOf(number), number, () => records.committedBy(number));
      known.set(number, { generation, looks: await looksOf(directoryOf(number), generation) });
      damaged.delete(number);
      return generation;
    } catch (error) {
      if (isMomentary(error)) throw error;
      if (!damaged.has(number)) onDamage(error);
      damaged.add(number);
      return null;
    }
  }

  async function write(generation: StoredGeneration): Promise<void> {
    await makeDirectory(directory);
    await writeGeneration(directoryOf(generation.number), generation, treeDirectoryOf);
  }

  /** As it was, its record with it. */
  async function writeAgain(generation: StoredGeneration): Promise<void> {
    const { number, committedBy } = generation;
    await setAside(directoryOf(number));
    await write(generation);
    const record = (await records.records()).find(({ id }) => id === committedBy);
    if (record !== undefined)
      await writeStored(deploymentRecord, join(directoryOf(number), 'record.json'), record);
    await read(number);
  }

  async function keep(number: number): Promise<void> {
    const before = known.get(number);
    if (before === undefined) return;
    const { generation, looks } = before;
    if ((await looksOf(directoryOf(number), generation)) === looks) return;
    known.delete(number);
    if ((await read(number)) !== null) return;
    // From here on this process alone knows it.
    known.set(number, before);
    await writeAgain(generation).catch(onDamage);
  }

  return {
    directoryOf,
    load: async (number) => known.get(number)?.generation ?? (await read(number)),
    write,
    forget: (number) => void known.delete(number),
    // Many ask at once, and one writes.
    keep: (number) => inTurn(() => keep(number)),
  };
}

/** The same as long as nobody has put another file in the place of one, or written to one. */
async function looksOf(directory: string, generation: StoredGeneration): Promise<string> {
  const looks = filesOf(generation).map(async (name) => {
    const found = await stat(join(directory, name)).catch(() => null);
    return found === null ? 'gone' : [found.ino, found.size, found.mtimeMs].join();
  });
  return (await Promise.all(looks)).join(' ');
}
