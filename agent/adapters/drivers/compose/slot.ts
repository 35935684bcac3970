// A project in its slot, where another version of it may stand beside it.
import type { FairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import {
  type ComposeProject,
  projectOf,
  type Surroundings,
} from '../../../../shared/schema/drivers/confinement.ts';
import { projectInSlot, type SolePart, solePartsOf } from '../../../../shared/schema/drivers/two-at-once.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import { engineAddress, engineFailure } from './docker.ts';

/** The traffic switch leads to ports of this machine. Error: service/manager-failed. */
export function verifyHere({ component, slot }: UnitOf<'compose'>): void {
  if (slot === undefined || engineAddress().startsWith('unix:')) return;
  const problem = `two versions of ${component} stand side by side on this machine alone, and the engine is on another`;
  throw engineFailure(problem);
}

/** Of a version in a slot the component, under whose name all of them have their volumes. */
export function ownerOf({ component, slot }: UnitOf<'compose'>): ComponentKey {
  return slot?.of ?? component;
}

/** What two versions of it could not both have; nothing where it stands alone. */
export function solePartsIn({ slot }: UnitOf<'compose'>, project: ComposeProject): readonly SolePart[] {
  return slot === undefined ? [] : solePartsOf(project, slot.volumes, [slot.publicPort, slot.port]);
}

/** Error: service/manager-failed, where the operator's file brings what two versions cannot both have. */
export function inSlot(unit: UnitOf<'compose'>, project: ComposeProject): ComposeProject {
  const { slot, component, override } = unit;
  if (slot === undefined) return project;
  const [sole] = override === undefined ? [] : solePartsIn(unit, project);
  if (sole !== undefined) throw overrideRefusal(unit, `${sole.what}: ${sole.remedy}`);
  const { of, publicPort, port } = slot;
  return projectInSlot(project, { project: projectOf(component), owner: projectOf(of), publicPort, port });
}

export function overrideRefusal({ component, override }: UnitOf<'compose'>, said: string): FairleadError {
  const problem = `${override?.file}, over the compose file of ${component}: ${said}`;
  return engineFailure(problem);
}

/** What it may reach, under the names that both versions share. */
export function aroundOf(unit: UnitOf<'compose'>): Surroundings {
  return { project: projectOf(ownerOf(unit)), tree: unit.workingDirectory, data: unit.dataDirectory };
}
