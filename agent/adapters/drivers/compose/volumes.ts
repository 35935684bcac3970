// Copies of a project's named volumes: made and put back through the engine, by a container that nothing ever starts.
import { createReadStream } from 'node:fs';
import { open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { namesIfPresent, readIfPresent } from '../../../../shared/node/read-file.ts';
import { removeAll } from '../../../../shared/node/remove-all.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { projectOf } from '../../../../shared/schema/drivers/confinement.ts';
import { VOLUME_MS } from '../../../../shared/schema/drivers/volumes.ts';
import { encodeStored, parseStored } from '../../../../shared/schema/stored-document.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import type { Volumes } from '../../../ports/state.ts';
import type { ToolResult } from '../../machine/run-tool.ts';
import { isRunning } from './containers.ts';
import { containersOf, docker } from './docker.ts';
import {
  type EngineVolume,
  findVolume,
  removeVolume,
  sizesOfVolumes,
  verifyKeepsOwners,
  verifyUnshared,
} from './engine-volumes.ts';
import { createImages } from './images.ts';
import { createProjectFiles } from './project-file.ts';
import { createPulledImages } from './pulled-images.ts';

export interface VolumesOptions {
  readonly stateDir: string;
  readonly runtimeDirectory: string;
}

/** Written when all of them are on the disk: without it there is no copy. */
const RECORD = 'volumes.json';
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
});
const copies = z.strictObject({ volumes: z.array(copy) });
type Copy = z.output<typeof copy>;

/** Where it is in the container: no image has anything there that would fill an empty volume. */
const PLACE = '/fairlead-volume';
/** An archive has a head for each file, and the disk its own books. */
const SPARE_BYTES = 64 << 20;
/** The program that ran out of it does not say so in a way that can be told. */
const FULL_BYTES = 1 << 20;

export function createVolumes({ stateDir, runtimeDirectory }: VolumesOptions): Volumes {
  const root = join(stateDir, 'snapshots');
  const files = createProjectFiles(stateDir, runtimeDirectory);
  const images = createImages(join(stateDir, 'run'), createPulledImages(join(stateDir, 'images')));
  const directoryOf = (component: ComponentKey, generation: number) =>
    join(root, String(generation), component.replace('/', '.'));

  async function namesOf(unit: UnitOf<'compose'>): Promise<readonly string[]> {
    const { volumes } = await files.overridden(unit, await files.resolveAdmitted(unit));
    return (unit.snapshot ?? []).flatMap((name) => {
      const found = volumes[name];
      return found === undefined ? [] : [found?.name ?? `${projectOf(ownerOf(unit))}_${name}`];
    });
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
    for (const { file, bytes: size } of volumes) {
      const found = file === null ? size : await sizeOf(join(directory, file));
      if (found === size) continue;
      const problem = `${join(directory, file ?? '')} has ${found ?? 'no'} bytes in place of ${size}`;
      throw new FairleadError('deploy/no-snapshot', { component, problem });
    }
    return volumes;
  }

  return {
    async verifyRoom(unit) {
      const names = await namesOf(unit);
      await verifyKeepsOwners();
      for (const name of names) await findVolume(name);
      for (const name of names) await verifyUnshared(name, projectOf(ownerOf(unit)));
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
      for (const name of await namesOf(unit)) {
        const found = await findVolume(name);
        const file = found === null ? null : `${volumes.length}.tar`;
        const path = join(directory, file ?? '');
        if (file !== null)
          await withContainer(component, name, await imageOf(unit), (id) => copyOut(id, path));
        const bytes = file === null ? 0 : ((await sizeOf(path)) ?? 0);
        volumes.push({ name, labels: found?.labels ?? {}, file, bytes });
      }
      await syncDirectory(directory);
      await writeDurably(join(directory, RECORD), encodeStored(copies, { volumes }, RECORD));
    },
    async verify(component, generation) {
      await readCopies(component, generation);
    },
    async restore(unit, generation) {
      const component = ownerOf(unit);
      for (const { name, labels, file } of await readCopies(component, generation)) {
        await removeContainer(component);
        await removeWaiting(unit.component);
        await removeVolume(name);
        if (file === null) continue;
        await makeVolume({ name, labels });
        const path = join(directoryOf(component, generation), file);
        await withContainer(component, name, await imageOf(unit), (id) => copyIn(id, path));
      }
    },
    async keepOnly(generations) {
      for (const name of await namesIfPresent(root)) {
        if (!generations.includes(Number(name))) await removeAll(join(root, name));
      }
    },
  };
}

/** Of a version in a slot the component, under whose name all of them have their volumes. */
function ownerOf({ component, slot }: UnitOf<'compose'>): ComponentKey {
  return slot?.of ?? component;
}

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  );
}

function nameFor(component: ComponentKey): string {
  return `fairlead-volumes_${component.replace('/', '_')}`;
}

/** Also that of an agent which was killed. */
async function removeContainer(component: ComponentKey): Promise<void> {
  await docker(['rm', '--force', nameFor(component)]);
}

/** Containers that were made ahead and never started have the volume mounted. What runs is not removed so. */
async function removeWaiting(component: ComponentKey): Promise<void> {
  const ids = (await containersOf(component)).filter((one) => !isRunning(one)).map(({ id }) => id);
  if (ids.length > 0) verifyDone(await docker(['rm', ...ids]));
}

async function withContainer(
  component: ComponentKey,
  volume: string,
  image: string,
  act: (id: string) => Promise<void>,
): Promise<void> {
  await removeContainer(component);
  const mount = ['--mount', `type=volume,source=${volume},destination=${PLACE}`];
  // It is never started: the word stands for a command, which an image may lack.
  const words = [
    'create',
    '--name',
    nameFor(component),
    '--network',
    'none',
    '--pull',
    'never',
    ...mount,
    image,
    'none',
  ];
  const made = verifyDone(await docker(words));
  try {
    await act(made.stdout.trim());
  } finally {
    await removeContainer(component);
  }
}

async function copyOut(id: string, path: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    const result = await docker(['cp', `${id}:${PLACE}`, '-'], { timeoutMs: VOLUME_MS, stdoutTo: file.fd });
    verifyDone(result);
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

/** With the owners, modes and times that stand in the archive. */
async function copyIn(id: string, path: string): Promise<void> {
  const input = createReadStream(path, { highWaterMark: 1 << 20 });
  verifyDone(await docker(['cp', '-', `${id}:/`], { timeoutMs: VOLUME_MS, input }));
}

/** As it was, so that compose takes it for its own. */
async function makeVolume({ name, labels }: EngineVolume): Promise<void> {
  const words = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  verifyDone(await docker(['volume', 'create', ...words, name]));
}

function verifyDone(result: ToolResult): ToolResult {
  if (result.status === 0) return result;
  throw new FairleadError('service/manager-failed', { manager: 'docker', problem: result.detail });
}
