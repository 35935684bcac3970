// Deployments on disk: generations, the link to the current one, records, evidence and quarantine.
import { readlink, rename, rm, statfs, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { toDiskError } from '../../../shared/errors/system-error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { absentOr, isMomentary, namesIfPresent, readIfPresent } from '../../../shared/node/read-file.ts';
import { componentKey } from '../../../shared/schema/common.ts';
import { deploymentRecord } from '../../../shared/schema/deployment.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { DeploymentStore, StoredGeneration } from '../../ports/deployment-store.ts';
import { jsonBytes, readGeneration, writeGeneration } from './generation-files.ts';

export interface DeploymentStoreOptions {
  readonly stateDir: string;
  /** Where the store keeps a tree's files: TreeStore's `directoryOf`. */
  readonly treeDirectoryOf: (tree: Digest) => string;
  /** Hears of a generation or record that cannot be read; it is left out. */
  readonly onDamage: (error: unknown) => void;
}

const quarantineFile = z.array(
  z.strictObject({
    component: componentKey,
    release: z.string(),
    version: z.string(),
    since: z.string(),
    reason: z.string(),
    record: z.int(),
  }),
);

export function createDeploymentStore(options: DeploymentStoreOptions): DeploymentStore {
  const { stateDir } = options;
  const generationsDirectory = join(stateDir, 'generations');
  const recordsDirectory = join(stateDir, 'records');
  const currentLink = join(stateDir, 'current');
  const quarantinePath = join(stateDir, 'quarantine.json');
  const directoryOf = (number: number) => join(generationsDirectory, String(number));
  // A generation never changes but for its record, and only this process writes here.
  const known = new Map<number, StoredGeneration | 'damaged'>();
  // Records are read again every few seconds: one that is damaged is complained about once.
  const damagedRecords = new Set<string>();
  const onDamagedRecord = (path: string, error: unknown) => {
    if (!damagedRecords.has(path)) options.onDamage(error);
    damagedRecords.add(path);
  };

  async function load(number: number): Promise<StoredGeneration | null> {
    const before = known.get(number);
    if (before !== undefined) return before === 'damaged' ? null : before;
    try {
      const generation = await readGeneration(directoryOf(number), number);
      known.set(number, generation);
      return generation;
    } catch (error) {
      if (isMomentary(error)) throw error;
      known.set(number, 'damaged');
      options.onDamage(error);
      return null;
    }
  }

  async function write(path: string, document: unknown): Promise<void> {
    await makeDirectory(join(path, '..'));
    await writeDurably(path, jsonBytes(document));
  }

  return {
    async generations() {
      const numbers = await numbersIn(generationsDirectory, /^(\d+)$/);
      const loaded = await Promise.all(numbers.map(load));
      return loaded.filter((generation) => generation !== null);
    },
    currentNumber: () => readCurrent(currentLink),
    async addGeneration(generation) {
      await makeDirectory(generationsDirectory);
      const directory = directoryOf(generation.number);
      await writeGeneration(directory, generation, options.treeDirectoryOf).catch((cause: unknown) => {
        throw toDiskError(directory, cause);
      });
    },
    async setCurrent(number) {
      await turn(stateDir, currentLink, number).catch((cause: unknown) => {
        throw toDiskError(currentLink, cause);
      });
    },
    async markHealthy(number, record) {
      await write(join(directoryOf(number), 'record.json'), record);
      known.delete(number);
    },
    async removeGeneration(number) {
      known.delete(number);
      const aside = join(generationsDirectory, `.${number}.tmp`);
      await rename(directoryOf(number), aside).catch(() => undefined);
      // Before anything in it goes: else a power cut may leave half a generation in its place.
      await syncDirectory(generationsDirectory);
      await rm(aside, { recursive: true, force: true });
      await syncDirectory(generationsDirectory);
    },
    async records() {
      const numbers = await numbersIn(recordsDirectory, /^(\d+)\.json$/);
      const read = await Promise.all(
        numbers.map((number) => readRecord(join(recordsDirectory, `${number}.json`), onDamagedRecord)),
      );
      return read.filter((record) => record !== null);
    },
    writeRecord: (record) => write(join(recordsDirectory, `${record.id}.json`), record),
    writeEvidence: (evidence) =>
      write(join(recordsDirectory, `${evidence.deployment}.evidence.json`), evidence),
    async quarantine() {
      const bytes = await readIfPresent(quarantinePath);
      return bytes === null ? [] : parseDocumentBytes(quarantineFile, bytes, quarantinePath);
    },
    writeQuarantine: (entries) => write(quarantinePath, entries),
    dataDirectoryOf: (component) => join(stateDir, 'data', component),
    freeSpace: () => freeSpaceAt(stateDir),
  };
}

async function numbersIn(directory: string, pattern: RegExp): Promise<readonly number[]> {
  const names = await namesIfPresent(directory);
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

async function readCurrent(link: string): Promise<number | null> {
  const target = await readlink(link).catch((cause) => absentOr(link, cause, null));
  const number = target === null ? Number.NaN : Number(basename(target));
  return Number.isSafeInteger(number) ? number : null;
}

/** One rename of one link: whoever looks sees the old generation or the new one. */
async function turn(stateDir: string, link: string, number: number | null): Promise<void> {
  // Found turned already, it may still wait for its sync.
  if ((await readCurrent(link).catch(() => undefined)) === number) return syncDirectory(stateDir);
  if (number === null) {
    await rm(link, { force: true });
  } else {
    const next = join(stateDir, '.current.tmp');
    await rm(next, { force: true });
    await symlink(`generations/${number}`, next);
    await rename(next, link);
  }
  await syncDirectory(stateDir);
}

async function readRecord(path: string, onDamage: (path: string, error: unknown) => void) {
  try {
    const bytes = await readIfPresent(path);
    return bytes === null ? null : parseDocumentBytes(deploymentRecord, bytes, path);
  } catch (error) {
    if (isMomentary(error)) throw error;
    onDamage(path, error);
    return null;
  }
}

async function freeSpaceAt(path: string) {
  const { bavail, bsize, files, ffree } = await statfs(path);
  // File systems that make inodes as they go report none at all.
  return { bytes: bavail * bsize, inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree };
}
