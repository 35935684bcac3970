// Copies of a project's named volumes: made and put back through the engine, by a container that nothing ever starts.
import { existsSync } from 'node:fs';
import { rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { namesIfPresent, readIfPresent } from '../../../../shared/node/read-file.ts';
import { removeAll } from '../../../../shared/node/remove-all.ts';
import { type ComponentKey, digest } from '../../../../shared/schema/common.ts';
import { projectOf } from '../../../../shared/schema/drivers/confinement.ts';
import { encodeStored, parseStored } from '../../../../shared/schema/stored-document.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import type { Volumes } from '../../../ports/volumes.ts';
import { readDigest } from '../../machine/file-digest.ts';
import { docker } from './docker.ts';
import {
  findVolume,
  removeVolume,
  sizesOfVolumes,
  verifyKeepsOwners,
  verifyUnshared,
} from './engine-volumes.ts';
import { createImages } from './images.ts';
import { createProjectFiles } from './project-file.ts';
import { createPulledImages, imagesIn } from './pulled-images.ts';
import { ownerOf } from './slot.ts';
import {
  copyIn,
  copyOut,
  HELPER,
  makeVolume,
  removeContainer,
  removeWaiting,
  SPARE_BYTES,
  withContainer,
} from './volume-container.ts';

export interface VolumesOptions {
  readonly stateDir: string;
  readonly runtimeDirectory: string;
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

export function createVolumes({ stateDir, runtimeDirectory }: VolumesOptions): Volumes {
  const root = join(stateDir, 'snapshots');
  const files = createProjectFiles(stateDir, runtimeDirectory);
  const images = createImages(join(stateDir, 'run'), createPulledImages(imagesIn(stateDir)));
  const directoryOf = (component: ComponentKey, generation: number) =>
    join(root, String(generation), component.replace('/', '.'));

  async function partsOf(unit: UnitOf<'compose'>) {
    const { volumes } = await files.overridden(unit, await files.resolveAdmitted(unit));
    const { snapshot = [] } = unit;
    // A resolved file has those alone that are mounted: into others this version writes nothing.
    const mounted = snapshot.filter((name) => Object.hasOwn(volumes, name));
    return {
      names: mounted.map((name) => volumes[name]?.name ?? `${projectOf(ownerOf(unit))}_${name}`),
      unmounted: snapshot.filter((name) => !mounted.includes(name)),
    };
  }

  async function imageOf(unit: UnitOf<'compose'>): Promise<string> {
    const [id = ''] = (await images.provide(unit)).values();
    return id;
  }

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

  async function markedIn(generation: string): Promise<readonly string[]> {
    const components = await namesIfPresent(join(root, generation));
    const marks = components.map((component) => join(root, generation, component, MARK));
    return marks.filter((mark) => existsSync(mark));
  }

  async function verifyRestorable(unit: UnitOf<'compose'>, generation: number): Promise<readonly Copy[]> {
    const volumes = await readCopies(ownerOf(unit), generation);
    if (volumes.length > 0) await verifyKeepsOwners();
    for (const { name } of volumes) {
      await findVolume(name);
      await verifyUnshared(name, projectOf(ownerOf(unit)));
    }
    return volumes;
  }

  return {
    async verifyCopyable(unit) {
      const { names, unmounted } = await partsOf(unit);
      if (names.length > 0) await verifyKeepsOwners();
      for (const name of names) await findVolume(name);
      for (const name of names) await verifyUnshared(name, projectOf(ownerOf(unit)));
      return unmounted;
    },
    async verifyRoom(units) {
      const names: string[] = [];
      for (const unit of units) names.push(...(await partsOf(unit)).names);
      if (names.length === 0) return;
      const sizes = await sizesOfVolumes();
      const needed = names.reduce((sum, name) => sum + (sizes.get(name) ?? 0), SPARE_BYTES);
      await makeDirectory(root);
      const { bavail, bsize } = await statfs(root);
      if (bavail * bsize < needed)
        throw new FairleadError('disk/full', { path: root, needed, free: bavail * bsize });
    },
    async save(unit, generation) {
      const component = ownerOf(unit);
      const directory = directoryOf(component, generation);
      await removeAll(directory);
      await makeDirectory(directory);
      const volumes: Copy[] = [];
      for (const name of (await partsOf(unit)).names) {
        // Whoever came since the last safe point writes beside the copy, and would keep it from being put back.
        await verifyUnshared(name, projectOf(component));
        const found = await findVolume(name);
        if (found === null) volumes.push({ name, labels: {}, file: null, bytes: 0 });
        if (found === null) continue;
        const file = `${volumes.length}.tar`;
        const path = join(directory, file);
        await withContainer(component, name, await imageOf(unit), (id) => copyOut(id, path));
        const bytes = (await sizeOf(path)) ?? 0;
        volumes.push({ name, labels: found.labels, file, bytes, digest: await readDigest(path) });
      }
      await syncDirectory(directory);
      await writeDurably(join(directory, RECORD), encodeStored(copies, { volumes }, RECORD));
    },
    async verifyRestorable(unit, generation) {
      await verifyRestorable(unit, generation);
    },
    async restore(unit, generation) {
      const component = ownerOf(unit);
      const directory = directoryOf(component, generation);
      await makeDirectory(directory);
      await writeDurably(join(directory, MARK), new Uint8Array());
      // What would keep one of them from being put back is found before the first is gone.
      const volumes = await verifyRestorable(unit, generation);
      const image = volumes.some(({ file }) => file !== null) ? await imageOf(unit) : '';
      for (const { name, labels, file } of volumes) {
        await removeContainer(component);
        await removeWaiting(unit.component);
        await removeVolume(name);
        if (file === null) continue;
        await makeVolume({ name, labels });
        const path = join(directory, file);
        await withContainer(component, name, image, (id) => copyIn(id, path));
      }
      await rm(join(directory, MARK));
      await syncDirectory(directory);
    },
    async verifyWhole(component) {
      for (const generation of await namesIfPresent(root)) {
        const mark = join(directoryOf(component, Number(generation)), MARK);
        if (!existsSync(mark)) continue;
        const problem = `${mark} is there, so it was begun and not finished`;
        throw new FairleadError('deploy/no-snapshot', { component, problem });
      }
    },
    async keepOnly(generations, from = Number.POSITIVE_INFINITY) {
      for (const name of await namesIfPresent(root)) {
        const number = Number(name);
        if (number >= from || generations.includes(number)) continue;
        if ((await markedIn(name)).length > 0) continue;
        for (const component of await namesIfPresent(join(root, name)))
          await docker(['rm', '--force', '--volumes', `${HELPER}${component.replace('.', '_')}`]);
        await removeAll(join(root, name));
      }
    },
  };
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
