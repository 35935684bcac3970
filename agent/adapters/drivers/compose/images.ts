// The images of a project: loaded from the release's own archives, and no others.
import type { ComposeUnit } from '../../../ports/driver.ts';
import { compose, docker, hasImage } from './docker.ts';
import { failureOf } from './failure.ts';

const LOAD_MS = 10 * 60_000;
const CONFIG_MS = 30_000;

/** Loads what the engine lacks. Errors: service/start-failed, service/manager-failed, disk/full. */
export async function loadImages(unit: ComposeUnit): Promise<void> {
  for (const { archive, digest } of unit.images) {
    if (await hasImage(digest)) continue;
    const loaded = await docker(['load', '--input', archive], LOAD_MS);
    if (await hasImage(digest)) continue;
    const problem = loaded.status === 0 ? `does not hold the image ${digest}` : loaded.detail;
    throw await failureOf(unit, loaded, `${archive}: ${problem}`);
  }
}

/**
 * An image by name would be whatever a registry or an earlier `docker tag` says: nothing verified may run it.
 * Errors as above.
 */
export async function refuseForeignImages(unit: ComposeUnit): Promise<void> {
  const words = ['--file', unit.file, 'config', '--images'];
  const named = await compose(unit.component, words, CONFIG_MS, unit);
  if (named.status !== 0) throw await failureOf(unit, named, named.detail);
  const own = new Set(unit.images.map((image) => image.digest));
  const foreign = named.stdout.split('\n').find((image) => image !== '' && !own.has(image));
  if (foreign === undefined) return;
  const problem = `its compose file uses the image "${foreign}", which is none of the release's`;
  throw await failureOf(unit, named, problem);
}
