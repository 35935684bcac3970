// The images of a project: loaded from archives, layouts or what came from registries, known by what is the same in every store of an engine.
import { statfs } from 'node:fs/promises';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import { bytesOfImage } from '../../../../shared/node/images/image-layout.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { namesOf, type UnitImage } from '../../../../shared/schema/drivers/images.ts';
import { findMisfit, platformOf } from '../../../../shared/schema/image-platform.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import { docker, engineDirectory, failureOf, findImage, type HeldImage, refusalOf } from './docker.ts';
import type { Waiting } from './fetch-referred.ts';
import { createImageRecords, type GivenImage } from './image-record.ts';
import { type ImageSource, openImage } from './image-source.ts';
import { enginePlatforms } from './platforms.ts';
import type { PulledImages } from './pulled-images.ts';

/**
 * A start, what may start next, or what may have to start again. Ahead of either, what only an engine has is fetched again, if
 * that can be; and what is new has to be for this machine.
 */
type WantedFor = 'start' | 'way-forward' | 'way-back';

interface Providing extends Waiting {
  readonly wanted: WantedFor;
}

/**
 * All that one unit waits for registries, however slowly they send: with what an engine takes to load, less than the agent lets
 * anybody work without a sign of life.
 */
export const LONGEST_FETCH_MS = 90 * 60_000;

export interface Images {
  /**
   * Loads what the engine lacks, and answers with its own id for each image by whatever the compose file may call it. What it
   * loaded before it failed goes again. Errors: service/start-failed, service/manager-failed, disk/*.
   */
  provide(
    unit: UnitOf<'compose'>,
    wanted?: WantedFor,
    waiting?: Waiting,
  ): Promise<ReadonlyMap<string, string>>;
  /** About as much as an engine needs for all that is here of them. Errors: service/manager-failed, disk/*. */
  bytesOf(unit: UnitOf<'compose'>): Promise<number>;
  /** Removes what was loaded for the component and is none of these. One that something else uses stays: the engine sees to that. */
  keepOnly(component: ComponentKey, digests: readonly string[]): Promise<void>;
}

/** `directory` holds what was given, `pulled` the images that came from registries. */
export function createImages(directory: string, pulled: PulledImages): Images {
  const records = createImageRecords(directory);

  async function note(component: ComponentKey, image: GivenImage): Promise<void> {
    const others = (await records.read(component)).filter((one) => one.digest !== image.digest);
    await records.write(component, [...others, image]);
  }

  async function provideOne(
    unit: UnitOf<'compose'>,
    image: UnitImage,
    { wanted, ...how }: Providing,
    onLoad: (id: string) => void,
  ): Promise<string> {
    const { digest } = image;
    const noted = await findNoted(await records.read(unit.component), digest);
    if (noted !== null) {
      // Also for this tree, which may be the last one that has it by the time it is needed.
      if ('ref' in image) await pulled.keep(unit, image);
      if ('ref' in image && wanted !== 'start') await pulled.have(unit, image, how).catch(() => undefined);
      return noted.id;
    }
    const open = () => sourceOf(unit, image, pulled, { wanted, ...how });
    const source = await open();
    const { config, manifest, layers } = source;
    const ids = [config, ...(manifest === null ? [] : [manifest])];
    const present = await findSame(layers, ids);
    const isOurs = present === null || (await records.haveLoaded(config));
    const names = manifest === null ? { config } : { config, manifest };
    const entry = { digest: digest as Digest, ...names, isOurs, layers: [...layers] };
    if (present === null) {
      await verifyRoom(source.bytes);
      await note(unit.component, { ...entry, id: null });
    }
    const { id } = present ?? (await loadWhole(unit, source, ids, { image, open, pulled }));
    if (present === null) onLoad(id);
    await note(unit.component, { ...entry, id });
    return id;
  }

  return {
    bytesOf: (unit) => bytesOf(unit, pulled),
    async provide(unit, wanted = 'start', { signal: given, onPulled } = {}) {
      const longest = AbortSignal.timeout(LONGEST_FETCH_MS);
      const signal = given === undefined ? longest : AbortSignal.any([given, longest]);
      const provided = new Map<string, string>();
      const loaded: string[] = [];
      try {
        for (const image of unit.images) {
          const id = await provideOne(unit, image, { wanted, signal, onPulled }, (one) => loaded.push(one));
          for (const name of namesOf(image)) provided.set(name, id);
        }
        return provided;
      } catch (error) {
        for (const id of loaded) await docker(['image', 'rm', id]);
        throw error;
      }
    },
    async keepOnly(component, digests) {
      const given = await records.read(component);
      const kept = given.filter((one) => digests.includes(one.digest));
      const needed = new Set(kept.map((one) => one.id));
      const gone = given.filter((one) => one.isOurs === true && !kept.includes(one));
      const ids = new Set(gone.flatMap((one) => (one.id === null ? possibleIds(one) : [one.id])));
      for (const id of ids) if (!needed.has(id)) await docker(['image', 'rm', id]);
      if (kept.length !== given.length) await records.write(component, kept);
      await pulled.tidy();
    },
  };
}

/** Of one whose load was broken off: what the engine calls it depends on its store. */
function possibleIds({ config, manifest }: GivenImage): readonly string[] {
  return manifest === undefined ? [config] : [config, manifest];
}

/** Error: service/start-failed, when it cannot be read, holds no such image, or is new and for other machines. */
async function sourceOf(
  unit: UnitOf<'compose'>,
  image: UnitImage,
  pulled: PulledImages,
  { wanted, ...waiting }: Providing,
): Promise<ImageSource> {
  const source = await openImage(image, (one) => pulled.have(unit, one, waiting)).catch((error: unknown) => {
    if (isFairleadError(error)) throw error;
    const path = 'archive' in image ? image.archive : 'ref' in image ? image.ref : image.layout;
    throw refusalOf(unit, `${path}: ${error instanceof Error ? error.message : 'it cannot be read'}`);
  });
  if (wanted === 'way-forward') await verifyPlatform(unit, image, source);
  return source;
}

/** An engine loads it all the same, and its programs fail as they start. Errors: service/start-failed, service/manager-failed. */
async function verifyPlatform(
  unit: UnitOf<'compose'>,
  { name, digest }: UnitImage,
  { platform }: ImageSource,
): Promise<void> {
  if (platformOf(platform) === null) return;
  const misfit = findMisfit(platform, await enginePlatforms());
  if (misfit === null) return;
  throw refusalOf(unit, `the image ${name ?? digest} cannot be run here: ${misfit}, as the engine is`);
}

/** What filled the engine's disk would take the version that runs along. Error: disk/full. */
async function verifyRoom(needed: number): Promise<void> {
  const path = await engineDirectory();
  // An engine behind an address may keep its images on another machine.
  const disk = await statfs(path).catch(() => null);
  const free = disk === null ? needed : disk.bavail * disk.bsize;
  if (free < needed) throw new FairleadError('disk/full', { path, needed, free });
}

/** A name or a digest is not believed: the layers that the engine would run are those of the archive. */
async function findSame(layers: readonly string[], references: readonly string[]): Promise<HeldImage | null> {
  for (const reference of references) {
    const held = await findImage(reference);
    if (held !== null && held.layers.join() === layers.join()) return held;
  }
  return null;
}

/** What a registry gave is kept on a disk: bytes that changed there are no fault of the release, and are to be had once more. */
async function loadWhole(
  unit: UnitOf<'compose'>,
  source: ImageSource,
  ids: readonly string[],
  {
    image,
    open,
    pulled,
  }: {
    readonly image: UnitImage;
    readonly open: () => Promise<ImageSource>;
    readonly pulled: PulledImages;
  },
): Promise<HeldImage> {
  try {
    return await load(unit, source, ids);
  } catch (error) {
    if (!('ref' in image) || !(await pulled.mend(image))) throw error;
    const again = await open();
    return await load(unit, again, ids).catch(async (cause: unknown) => {
      if (!(await pulled.mend(image))) throw cause;
      const problem = 'what is written there reads as something else, and was fetched twice';
      throw new FairleadError('disk/unreadable', { path: again.path, problem }, { cause });
    });
  }
}

/** By what was noted, which an engine that keeps its images in another store by now no longer holds. */
async function findNoted(given: readonly GivenImage[], digest: string): Promise<HeldImage | null> {
  const noted = given.find((one) => one.digest === digest);
  return noted === undefined || noted.id === null ? null : findSame(noted.layers, [noted.id]);
}

async function bytesOf({ images }: UnitOf<'compose'>, pulled: PulledImages): Promise<number> {
  const sizes = images.map((image) => ('ref' in image ? pulled.bytesOf(image) : bytesOfImage(image)));
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function load(
  unit: UnitOf<'compose'>,
  { path, bytes, layers, load }: ImageSource,
  ids: readonly string[],
): Promise<HeldImage> {
  const loaded = await load();
  // Where the archive names no manifest, a store that goes by them makes one, and says only here what it is.
  const said = loaded.stdout.matchAll(/^Loaded image(?: ID)?: (\S+)$/gm);
  const held = await findSame(layers, [...ids, ...[...said].map(([, name = '']) => name)]);
  if (held !== null) return held;
  const problem = loaded.status === 0 ? 'the engine took it for something else' : loaded.detail;
  throw await failureOf(unit, loaded, `${path}: ${problem}`, bytes);
}
