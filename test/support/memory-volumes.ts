// Volumes of projects in memory: what stands in them, and the copies of it, each under the generation that it leads back from.
import type { Volumes } from '../../agent/ports/state.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';

export interface VolumeDisk {
  /** What stands in the volumes of a component. */
  readonly data: Map<ComponentKey, string>;
  /** By `2 core/auth`. */
  readonly copies: Map<string, string>;
  isFull: boolean;
}

export function createVolumeDisk(): VolumeDisk {
  return { data: new Map(), copies: new Map(), isFull: false };
}

export function createMemoryVolumes(disk: VolumeDisk): Volumes {
  const nameOf = (component: ComponentKey, generation: number) => `${generation} ${component}`;
  const find = (component: ComponentKey, generation: number): string => {
    const found = disk.copies.get(nameOf(component, generation));
    if (found !== undefined) return found;
    throw new FairleadError('deploy/no-snapshot', { component, problem: 'it is missing' });
  };
  return {
    async verifyRoom() {
      if (disk.isFull) throw new FairleadError('disk/full', { path: '/snapshots', needed: 2, free: 1 });
    },
    async save({ component }, generation) {
      disk.copies.set(nameOf(component, generation), disk.data.get(component) ?? '');
    },
    async verify(component, generation) {
      find(component, generation);
    },
    async restore({ component }, generation) {
      disk.data.set(component, find(component, generation));
    },
    async keepOnly(generations) {
      for (const name of disk.copies.keys()) {
        if (!generations.includes(Number(name.split(' ')[0]))) disk.copies.delete(name);
      }
    },
  };
}
