// The trust directory: metadata files by name, each write durable before it returns.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toDiskError } from '../../../shared/errors/system-error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { HISTORY_DIRECTORY } from './names.ts';

export interface TrustStore {
  /** For messages. */
  readonly directory: string;
  read(file: string): Promise<Uint8Array | null>;
  /** After it returns, the bytes survive a power cut; before, the old ones do. */
  write(file: string, bytes: Uint8Array): Promise<void>;
  remove(file: string): Promise<void>;
  /** Versions of the kept roots, lowest first. */
  rootVersions(): Promise<readonly number[]>;
}

/** Also clears what a killed write left behind. Errors: disk/*. */
export async function openTrustStore(directory: string): Promise<TrustStore> {
  await makeDirectory(join(directory, HISTORY_DIRECTORY));
  for (const each of [directory, join(directory, HISTORY_DIRECTORY)]) await removeLeftovers(each);
  return {
    directory,
    read: (file) => readIfPresent(join(directory, file)),
    write: (file, bytes) => writeDurably(join(directory, file), bytes),
    remove: (file) => removeDurably(directory, file),
    rootVersions: async () => {
      const names = await readdir(join(directory, HISTORY_DIRECTORY));
      const versions = names.flatMap((name) => /^([1-9]\d{0,14})\.root\.json$/.exec(name)?.[1] ?? []);
      return versions.map(Number).sort((a, b) => a - b);
    },
  };
}

async function removeDurably(directory: string, file: string): Promise<void> {
  try {
    await rm(join(directory, file), { force: true });
    await syncDirectory(directory);
  } catch (cause) {
    throw toDiskError(join(directory, file), cause);
  }
}

async function removeLeftovers(directory: string): Promise<void> {
  const names = await readdir(directory);
  const leftovers = names.filter((name) => name.startsWith('.') && name.endsWith('.tmp'));
  await Promise.all(leftovers.map((name) => rm(join(directory, name), { force: true })));
}
