// Deployments on disk: generations, the link to the current one, records, evidence and quarantine.
import { lstat, readlink, rename, rm, statfs, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { FairleadError, toDiskError } from '../../../shared/errors/error.ts';
import { syncDirectory } from '../../../shared/node/durable-file.ts';
import { absentOr } from '../../../shared/node/read-file.ts';
import { setAside } from '../../../shared/node/set-aside.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import { componentKey } from '../../../shared/schema/common.ts';
import { deploymentRecord } from '../../../shared/schema/deployment.ts';
import { EMPTY_OUTBOX, outbox } from '../../core/outbox.ts';
import type { DeploymentStore } from '../../ports/state.ts';
import { createJsonFile } from '../files/json-file.ts';
import { readLinkedTrees } from './generation-files.ts';
import { createGenerations } from './generations.ts';
import { createRecordFiles, numbersIn, writeStored } from './record-files.ts';
import { OUTBOX_FILE } from './state-files.ts';

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
    until: z.string().optional(),
    attempts: z.int().min(1).optional(),
  }),
);

const GENERATION_NAME = /^(\d+)$/;

export function createDeploymentStore(options: DeploymentStoreOptions): DeploymentStore {
  const { stateDir } = options;
  const generationsDirectory = join(stateDir, 'generations');
  const records = createRecordFiles(join(stateDir, 'records'), options.onDamage);
  const currentLink = join(stateDir, 'current');
  const quarantine = createJsonFile(join(stateDir, 'quarantine.json'), quarantineFile, (problem) =>
    options.onDamage(new FairleadError('deploy/quarantine-damaged', { problem })),
  );
  const heard = createJsonFile(join(stateDir, OUTBOX_FILE), outbox, () => undefined);
  const inTurn = createTurns();
  // A generation never changes but for its record, and only this process writes here.
  const { directoryOf, load, write, forget, keep } = createGenerations({
    directory: generationsDirectory,
    treeDirectoryOf: options.treeDirectoryOf,
    records,
    onDamage: options.onDamage,
  });

  return {
    async generations() {
      const current = await readCurrent(currentLink).catch(() => null);
      if (current !== null) await keep(current);
      const numbers = await numbersIn(generationsDirectory, GENERATION_NAME);
      const loaded = await Promise.all(numbers.map(load));
      return loaded.filter((generation) => generation !== null);
    },
    async damagedGenerations() {
      const numbers = await numbersIn(generationsDirectory, GENERATION_NAME);
      const loaded = await Promise.all(numbers.map(load));
      return numbers.filter((_, at) => loaded[at] === null);
    },
    linkedTrees: (number) => readLinkedTrees(directoryOf(number)),
    currentNumber: () => readCurrent(currentLink),
    async addGeneration(generation) {
      await write(generation).catch((cause: unknown) => {
        throw toDiskError(directoryOf(generation.number), cause);
      });
    },
    async setCurrent(number) {
      await turn(stateDir, currentLink, number).catch((cause: unknown) => {
        throw toDiskError(currentLink, cause);
      });
    },
    async markHealthy(number, record) {
      // In the order in which it is read: written again from the records, it is the same bytes.
      const inOrder = deploymentRecord.parse(record);
      await writeStored(deploymentRecord, join(directoryOf(number), 'record.json'), inOrder);
      forget(number);
    },
    async removeGeneration(number) {
      forget(number);
      const aside = join(generationsDirectory, `.${number}.tmp`);
      await rename(directoryOf(number), aside).catch(() => undefined);
      // Before anything in it goes: else a power cut may leave half a generation in its place.
      await syncDirectory(generationsDirectory);
      await rm(aside, { recursive: true, force: true });
      await syncDirectory(generationsDirectory);
    },
    ...records,
    /** Also where the records were lost: what a server, a log or an approval knows by a number is not told of another. */
    newestRecordId: async () => {
      const loaded = await Promise.all((await numbersIn(generationsDirectory, GENERATION_NAME)).map(load));
      const committed = loaded.flatMap((one) => one?.committedBy ?? []);
      const { delivered } = (await heard.read().catch(() => null)) ?? EMPTY_OUTBOX;
      return Math.max(await records.newestRecordId(), delivered?.record ?? 0, ...committed);
    },
    newestGeneration: async () => Math.max(0, ...(await numbersIn(generationsDirectory, GENERATION_NAME))),
    quarantine: async () => (await quarantine.read()) ?? [],
    changeQuarantine: (change) =>
      inTurn(async () => {
        const known = (await quarantine.read()) ?? [];
        const changed = change(known);
        if (changed !== known) await quarantine.write([...changed]);
      }),
    quarantineDamage: () => quarantine.damage(),
    dataDirectoryOf: (component) => join(stateDir, 'data', component),
    freeSpace: () => freeSpaceAt(stateDir),
  };
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
    // Only a directory in its place does not give way to a rename.
    if (
      await lstat(link).then(
        (found) => found.isDirectory(),
        () => false,
      )
    )
      await setAside(link);
    await rename(next, link);
  }
  await syncDirectory(stateDir);
}

async function freeSpaceAt(path: string) {
  const { bavail, bsize, files, ffree } = await statfs(path);
  // File systems that make inodes as they go report none at all.
  return { bytes: bavail * bsize, inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree };
}
