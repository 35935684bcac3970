// What a project of a release may have: its own images, and nothing that leads out of its containers.
import { realpath } from 'node:fs/promises';
import {
  type ComposeProject,
  findEscape,
  findReplaceable,
} from '../../../../shared/schema/drivers/confinement.ts';
import { namesOf } from '../../../../shared/schema/drivers/images.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import { refusalOf } from './docker.ts';
import { aroundOf, solePartsIn } from './slot.ts';

/**
 * Refuses what a release of containers may not have. Once admitted is not admitted for ever: containers write to their data, out
 * of which a compose file may include others, and where a link may stand by now. Error: service/start-failed.
 */
export async function verifyAdmissible(unit: UnitOf<'compose'>, project: ComposeProject): Promise<void> {
  await verifyProject(unit, project);
  const [sole] = solePartsIn(unit, project);
  if (sole !== undefined) throw refusalOf(unit, `${sole.what}: ${sole.remedy}`);
  const replaceable = findReplaceable(project, aroundOf(unit));
  if (replaceable !== null) throw refusalOf(unit, replaceable);
}

async function verifyProject(unit: UnitOf<'compose'>, project: ComposeProject): Promise<void> {
  const own = new Set(unit.images.flatMap(namesOf));
  for (const [name, { image }] of Object.entries(project.services)) {
    if (image !== undefined && own.has(image)) continue;
    throw refusalOf(unit, `its service "${name}" uses the image "${image}", which is none of the release's`);
  }
  await verifyNoLinks(unit, project);
  const wayOut = findEscape(project, aroundOf(unit), unit.allow);
  if (wayOut === null) return;
  const { what, reach } = wayOut;
  const remedy =
    reach === null
      ? ''
      : `; its operator may allow it: fairlead allow add ${unit.component} ${reach} --reason "why"`;
  throw refusalOf(unit, `${what}: containers of a release are kept from the machine${remedy}`);
}

/** A container may have put a link where one mounts, which the engine would follow. Error: service/start-failed. */
export async function verifyNoLinks(unit: UnitOf<'compose'>, { services }: ComposeProject): Promise<void> {
  for (const [name, { volumes }] of Object.entries(services)) {
    for (const { type, source = '' } of volumes) {
      const real = type === 'bind' ? await realpath(source).catch(() => source) : source;
      if (real === source) continue;
      throw refusalOf(unit, `its service "${name}" mounts ${source}, which leads to ${real}`);
    }
  }
}
