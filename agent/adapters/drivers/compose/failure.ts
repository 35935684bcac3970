// Whose fault it is that a project does not start.
import { stat, statfs } from 'node:fs/promises';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import type { ToolResult } from '../../machine/run-tool.ts';
import { engineDirectory } from './docker.ts';

/** The release is to blame only where the engine is there and has room. Throws service/manager-failed where it is not. */
export async function failureOf(
  unit: UnitOf<'compose'>,
  { stderr }: ToolResult,
  problem: string,
): Promise<FairleadError> {
  const path = await engineDirectory();
  if (!stderr.includes('no space left on device')) return refusalOf(unit, problem);
  const sizes = await Promise.all(unit.images.map(async ({ archive }) => (await stat(archive)).size));
  const needed = sizes.reduce((sum, size) => sum + size, 0);
  const { bavail, bsize } = await statfs(path);
  return new FairleadError('disk/full', { path, needed, free: bavail * bsize });
}

/** What its own files say is reason enough. */
export function refusalOf({ component }: UnitOf<'compose'>, problem: string): FairleadError {
  return new FairleadError('service/start-failed', { component, problem });
}
