// Volumes of projects in memory: what stands in them, and the copies of it, each under the generation that it leads back from.
import type { Volumes } from '../../agent/ports/volumes.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';

export interface VolumeDisk {
  /** What stands in the volumes of a component. */
  readonly data: Map<ComponentKey, string>;
  /** By `2 core/auth`. */
  readonly copies: Map<string, string>;
  /** Named by the release, and mounted by nothing. */
  unmounted: readonly string[];
  /** How many copies there is room for. */
  room: number;
  /** Nothing can be put back: what was begun stays half done. */
  isInUse: boolean;
  /** Components whose data are half put back, by the copy. */
  readonly halfway: Map<string, ComponentKey>;
}

export function createVolumeDisk(): VolumeDisk {
  return { data: new Map(), copies: new Map(), unmounted: [], room: 9, isInUse: false, halfway: new Map() };
}

export function createMemoryVolumes(disk: VolumeDisk): Volumes {
  const nameOf = (component: ComponentKey, generation: number) => `${generation} ${component}`;
  const find = (component: ComponentKey, generation: number): string => {
    const found = disk.copies.get(nameOf(component, generation));
    if (found !== undefined) return found;
    throw new FairleadError('deploy/no-snapshot', { component, problem: 'it is missing' });
  };
  return {
    verifyCopyable: async () => [...disk.unmounted],
    async verifyRoom(units) {
      if (units.length > disk.room)
        throw new FairleadError('disk/full', { path: '/snapshots', needed: 2, free: 1 });
    },
    async save({ component }, generation) {
      disk.copies.set(nameOf(component, generation), disk.data.get(component) ?? '');
    },
    async verifyRestorable({ component }, generation) {
      find(component, generation);
    },
    async restore({ component }, generation) {
      const name = nameOf(component, generation);
      disk.halfway.set(name, component);
      const found = find(component, generation);
      disk.data.set(component, '');
      if (disk.isInUse)
        throw new FairleadError('service/manager-failed', { manager: 'docker', problem: 'volume is in use' });
      disk.data.set(component, found);
      disk.halfway.delete(name);
    },
    async verifyWhole(component) {
      if (![...disk.halfway.values()].includes(component)) return;
      throw new FairleadError('deploy/no-snapshot', { component, problem: 'it is half done' });
    },
    async keepOnly(needed, from = Number.POSITIVE_INFINITY) {
      for (const name of disk.copies.keys()) {
        if (disk.halfway.has(name)) continue;
        const [generation, component] = name.split(' ');
        const number = Number(generation);
        if (number < from && needed.get(component as ComponentKey)?.includes(number) !== true)
          disk.copies.delete(name);
      }
    },
  };
}
