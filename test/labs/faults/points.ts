// The points of an operation: found once by running it undisturbed, and the same for every suite.
import type { Operation } from './laboratory.ts';
import { copyPlace } from './places.ts';
import { listPoints, type Point } from './strace.ts';

const known = new Map<string, readonly Point[]>();

/** `base` is a prepared instance; it stays as it is. */
export async function pointsOf({ name }: Operation, base: string): Promise<readonly Point[]> {
  const points = known.get(name) ?? (await findPoints(name, `${base}-counted`, base));
  known.set(name, points);
  return points;
}

async function findPoints(name: string, directory: string, base: string): Promise<readonly Point[]> {
  await copyPlace(base, directory);
  return listPoints(name, directory);
}
