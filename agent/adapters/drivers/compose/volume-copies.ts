// Copies of a project's named volumes on the agent's disk: whole or not there, put back as often as it takes, and kept no longer than asked.
import { type FileHandle, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FairleadError } from '../../../../shared/errors/error.ts';
import {
  makeDirectory,
  removeDurably,
  syncDirectory,
  writeDurably,
} from '../../../../shared/node/durable-file.ts';
import { absentOr, isPresent, namesIfPresent, readIfPresent } from '../../../../shared/node/read-file.ts';
import { removeAll } from '../../../../shared/node/remove-all.ts';
import { type ComponentKey, digest } from '../../../../shared/schema/common.ts';
import { encodeStored, parseStored } from '../../../../shared/schema/stored-document.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import type { Volumes } from '../../../ports/volumes.ts';
import { readDigest } from '../../machine/file-digest.ts';
import type { EngineVolume } from './engine-volumes.ts';
import { ownerOf } from './slot.ts';

type Unit = UnitOf<'compose'>;

/** What copies need of an engine. Errors: service/manager-failed, disk/*. */
export interface VolumeEngine {
  /** Of the volumes that a release names: as the engine calls those that it mounts, and the names of the others. */
  partsOf(unit: Unit): Promise<{ readonly names: readonly string[]; readonly unmounted: readonly string[] }>;
  /** Null where there is none; refuses what could not be put back. */
  find(name: string): Promise<EngineVolume | null>;
  /** In bytes, as far as the engine says so. */
  sizes(): Promise<ReadonlyMap<string, number>>;
  /** That what is put back has its owners, and lasts. Error: service/no-program. */
  verifyRestores(): Promise<void>;
  /** That nobody else has it mounted. */
  verifyUnshared(unit: Unit, name: string): Promise<void>;
  /** Appends an archive of what is in it. */
  copyOut(unit: Unit, name: string, to: FileHandle): Promise<void>;
  /** Idempotent; with whatever waits to be started on it. */
  remove(unit: Unit, name: string): Promise<void>;
  /** Makes a volume and fills it from an archive, durably. Whatever that takes is at hand before this answers. */
  filler(unit: Unit): Promise<(volume: EngineVolume, archive: string) => Promise<void>>;
  /** Removes what a killed agent may have left of its work. */
  tidy(component: ComponentKey): Promise<void>;
}

/** Written when all of them are on the disk: without it there is no copy. */
const RECORD = 'volumes.json';
/** There while volumes are being put back: until it goes, nothing starts on them, and their copy stays. */
const MARK = 'restoring';
const copy = z.strictObject({
  /** As the engine calls it. */
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  /** Null where the engine had no such volume. */
  file: z
    .string()
    .regex(/^\d+\.tar$/)
    .nullable(),
  bytes: z.int().min(0),
  /** Of the file. Copies from before there was one are believed by their size. */
  digest: digest.optional(),
});
const copies = z.strictObject({ volumes: z.array(copy) });
type Copy = z.output<typeof copy>;

/** An archive has a head for each file, and the disk its own books. */
const SPARE_BYTES = 64 << 20;
/** The program that ran out of it does not say so in a way that can be told. */
const FULL_BYTES = 1 << 20;

export function createVolumeCopies(root: string, engine: VolumeEngine): Volumes {
  const directoryOf = (component: ComponentKey, generation: number) =>
    join(root, String(generation), component.replace('/', '.'));

  async function readCopies(component: ComponentKey, generation: number): Promise<readonly Copy[]> {
    const directory = directoryOf(component, generation);
    const path = join(directory, RECORD);
    const bytes = await readIfPresent(path);
    if (bytes === null)
      throw new FairleadError('deploy/no-snapshot', { component, problem: `${path} is missing` });
    const { volumes } = parseStored(copies, bytes, path);
    for (const one of volumes) {
      const problem = one.file === null ? null : await problemOf(join(directory, one.file), one);
      if (problem !== null) throw new FairleadError('deploy/no-snapshot', { component, problem });
    }
    return volumes;
  }

  async function verifyRestorable(unit: Unit, generation: number): Promise<readonly Copy[]> {
    const volumes = await readCopies(ownerOf(unit), generation);
    if (volumes.length > 0) await engine.verifyRestores();
    for (const { name } of volumes) {
      await engine.find(name);
      await engine.verifyUnshared(unit, name);
    }
    return volumes;
  }

  async function saveOne(unit: Unit, name: string, directory: string, file: string): Promise<Copy> {
    // Whoever came since the last safe point writes beside the copy, and would keep it from being put back.
    await engine.verifyUnshared(unit, name);
    const found = await engine.find(name);
    if (found === null) return { name, labels: {}, file: null, bytes: 0 };
    const path = join(directory, file);
    await copyOut(path, (to) => engine.copyOut(unit, name, to));
    const bytes = (await sizeOf(path)) ?? 0;
    return { name, labels: found.labels, file, bytes, digest: await readDigest(path) };
  }

  return {
    async verifyCopyable(unit) {
      const { names, unmounted } = await engine.partsOf(unit);
      if (names.length > 0) await engine.verifyRestores();
      for (const name of names) await engine.find(name);
      for (const name of names) await engine.verifyUnshared(unit, name);
      return unmounted;
    },
    async verifyRoom(units) {
      const names: string[] = [];
      for (const unit of units) names.push(...(await engine.partsOf(unit)).names);
      if (names.length === 0) return;
      const sizes = await engine.sizes();
      const needed = names.reduce((sum, name) => sum + (sizes.get(name) ?? 0), SPARE_BYTES);
      await makeDirectory(root);
      const { bavail, bsize } = await statfs(root);
      if (bavail * bsize < needed)
        throw new FairleadError('disk/full', { path: root, needed, free: bavail * bsize });
    },
    async save(unit, generation) {
      const directory = directoryOf(ownerOf(unit), generation);
      await discard(directory);
      await makeDirectory(directory);
      const volumes: Copy[] = [];
      for (const name of (await engine.partsOf(unit)).names) {
        volumes.push(await saveOne(unit, name, directory, `${volumes.length}.tar`));
      }
      await syncDirectory(directory);
      await writeDurably(join(directory, RECORD), encodeStored(copies, { volumes }, RECORD));
    },
    async verifyRestorable(unit, generation) {
      await verifyRestorable(unit, generation);
    },
    async restore(unit, generation) {
      const directory = directoryOf(ownerOf(unit), generation);
      await makeDirectory(directory);
      await writeDurably(join(directory, MARK), new Uint8Array());
      // What would keep one of them from being put back is found before the first is gone.
      const volumes = await verifyRestorable(unit, generation);
      const fill = volumes.some(({ file }) => file !== null) ? await engine.filler(unit) : null;
      for (const { name, labels, file } of volumes) {
        await engine.remove(unit, name);
        if (file !== null) await fill?.({ name, labels }, join(directory, file));
      }
      await removeDurably(join(directory, MARK));
    },
    async verifyWhole(component) {
      for (const generation of await generationsIn(root)) {
        const mark = join(directoryOf(component, generation), MARK);
        if (!(await isPresent(mark))) continue;
        const problem = `${mark} is there, so it was begun and not finished`;
        throw new FairleadError('deploy/no-snapshot', { component, problem });
      }
    },
    async keepOnly(needed, from = Number.POSITIVE_INFINITY) {
      for (const generation of await generationsIn(root)) {
        if (generation >= from) continue;
        const kept: string[] = [];
        for (const name of await namesIfPresent(join(root, String(generation)))) {
          const component = name.replace('.', '/') as ComponentKey;
          const directory = join(root, String(generation), name);
          const isNeeded = needed.get(component)?.includes(generation) === true;
          if (isNeeded || (await isPresent(join(directory, MARK)))) {
            kept.push(name);
            continue;
          }
          await engine.tidy(component);
          await discard(directory);
        }
        if (kept.length === 0) await removeAll(join(root, String(generation)));
      }
    },
  };
}

/** What stands there under another name, or is no directory, is not of the agent's making, and keeps nothing from going on. */
async function generationsIn(root: string): Promise<readonly number[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((cause: unknown) =>
    absentOr(root, cause, []),
  );
  return entries.flatMap((entry) =>
    entry.isDirectory() && /^\d+$/.test(entry.name) ? [Number(entry.name)] : [],
  );
}

/** What is half gone is no copy from the first of its files on. */
async function discard(directory: string): Promise<void> {
  await removeDurably(join(directory, RECORD));
  await removeAll(directory);
}

async function copyOut(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await write(file);
    await file.sync();
  } catch (error) {
    const { bavail, bsize } = await statfs(path);
    const { size } = await file.stat();
    await rm(path, { force: true });
    const free = bavail * bsize;
    throw free < FULL_BYTES
      ? new FairleadError('disk/full', { path, needed: size + SPARE_BYTES, free })
      : error;
  } finally {
    await file.close();
  }
}

async function problemOf(path: string, { bytes, digest: wanted }: Copy): Promise<string | null> {
  const found = await sizeOf(path);
  if (found !== bytes) return `${path} has ${found ?? 'no'} bytes in place of ${bytes}`;
  if (wanted === undefined || (await readDigest(path).catch(() => null)) === wanted) return null;
  return `${path} does not read as what was written to it`;
}

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  );
}
