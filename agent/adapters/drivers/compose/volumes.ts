// Volumes of this machine's engine: copied out and filled by a container that nothing ever starts.
import { join } from 'node:path';
import { projectOf } from '../../../../shared/schema/drivers/confinement.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import type { Volumes } from '../../../ports/volumes.ts';
import { findProgram } from '../../machine/find-program.ts';
import {
  findVolume,
  flushVolume,
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
  makeVolume,
  removeContainer,
  removeWaiting,
  withContainer,
} from './volume-container.ts';
import { createVolumeCopies, type VolumeEngine } from './volume-copies.ts';

export interface VolumesOptions {
  readonly stateDir: string;
  readonly runtimeDirectory: string;
}

export function createVolumes(options: VolumesOptions): Volumes {
  return createVolumeCopies(join(options.stateDir, 'snapshots'), createVolumeEngine(options));
}

function createVolumeEngine({ stateDir, runtimeDirectory }: VolumesOptions): VolumeEngine {
  const files = createProjectFiles(stateDir, runtimeDirectory);
  const images = createImages(join(stateDir, 'run'), createPulledImages(imagesIn(stateDir)));

  async function imageOf(unit: UnitOf<'compose'>): Promise<string> {
    const [id = ''] = (await images.provide(unit)).values();
    return id;
  }

  return {
    async partsOf(unit) {
      const { volumes } = await files.overridden(unit, await files.resolveAdmitted(unit));
      const { snapshot = [] } = unit;
      // A resolved file has those alone that are mounted: into others this version writes nothing.
      const mounted = snapshot.filter((name) => Object.hasOwn(volumes, name));
      return {
        names: mounted.map((name) => volumes[name]?.name ?? `${projectOf(ownerOf(unit))}_${name}`),
        unmounted: snapshot.filter((name) => !mounted.includes(name)),
      };
    },
    find: findVolume,
    sizes: sizesOfVolumes,
    async verifyRestores() {
      await verifyKeepsOwners();
      await findProgram({ program: 'sync', workingDirectory: '/', user: null, path: null });
    },
    verifyUnshared: (unit, name) => verifyUnshared(name, projectOf(ownerOf(unit))),
    copyOut: async (unit, name, to) =>
      withContainer(ownerOf(unit), name, await imageOf(unit), (id) => copyOut(id, to.fd)),
    async remove(unit, name) {
      await removeContainer(ownerOf(unit));
      await removeWaiting(unit.component);
      await removeVolume(name);
    },
    async filler(unit) {
      const image = await imageOf(unit);
      return async (volume, archive) => {
        await makeVolume(volume);
        await withContainer(ownerOf(unit), volume.name, image, (id) => copyIn(id, archive));
        // Nothing else makes it last, and its copy goes soon.
        await flushVolume(volume.name);
      };
    },
    tidy: removeContainer,
  };
}
