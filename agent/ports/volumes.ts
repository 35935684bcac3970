// Copies of volumes: made before a version that may change them starts, and put back when it is left.
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { UnitOf } from '../core/deploy/render.ts';

/** Copies of the volumes that a release of containers names, each under the generation whose way up began with it. */
export interface Volumes {
  /**
   * While the version before runs; answers with those that nothing of it mounts, of which no copy is made. Errors:
   * service/manager-failed, also where somebody else has one mounted; service/start-failed; service/no-program.
   */
  verifyCopyable(unit: UnitOf<'compose'>): Promise<readonly string[]>;
  /** For copies of all of them at once; of units that are copyable. Errors: disk/full, service/manager-failed. */
  verifyRoom(units: readonly UnitOf<'compose'>[]): Promise<void>;
  /** While nothing runs. Durable and whole when it returns; what was there of it is replaced. Errors: disk/*, service/*. */
  save(unit: UnitOf<'compose'>, generation: number): Promise<void>;
  /** Here and now. Errors: deploy/no-snapshot, service/*. */
  verifyRestorable(unit: UnitOf<'compose'>, generation: number): Promise<void>;
  /** While nothing runs; as often as it takes. Errors: deploy/no-snapshot, disk/*, service/*. */
  restore(unit: UnitOf<'compose'>, generation: number): Promise<void>;
  /** That none was begun to be put back and is not: its data are nobody's. Error: deploy/no-snapshot. */
  verifyWhole(component: ComponentKey): Promise<void>;
  /**
   * Of each component those of the numbers, and every one with the number `from` or a higher one. Removes all others, but for
   * what was begun to be put back and is not.
   */
  keepOnly(needed: ReadonlyMap<ComponentKey, readonly number[]>, from?: number): Promise<void>;
}
