// Images that a release names in a registry: fetched once, kept as blobs for as long as a tree on this machine needs them.
import { join } from 'node:path';
import { type Digest, hexOf } from '../../../../shared/encoding/digest.ts';
import { readLayoutImage } from '../../../../shared/node/images/image-layout.ts';
import { namesIfPresent } from '../../../../shared/node/read-file.ts';
import { removeAll } from '../../../../shared/node/remove-all.ts';
import { createTurns } from '../../../../shared/node/turns.ts';
import { type Pulled, sumOfPulled } from '../../../../shared/schema/deployment.ts';
import { blobPath, digestOfImage, type UnitImage } from '../../../../shared/schema/drivers/images.ts';
import type { InstanceConfig } from '../../../../shared/schema/instance.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import type { Unanswered } from '../../../ports/server.ts';
import { digestOfFile } from '../../machine/file-digest.ts';
import { enginePlatform } from './docker.ts';
import type { ReferredParts, Waiting, WeighedLayer } from './fetch-referred.ts';
import { createHeldImageFile, type HeldImage } from './held-images.ts';
import { enginePlatforms } from './platforms.ts';

export type ReferredImage = UnitImage & { readonly ref: string };

export interface PulledImages {
  /**
   * Its layout and the digest of its configuration: fetched where it is not here yet, so that no later start needs a registry.
   * Errors: service/start-failed where it is no fit image, service/manager-failed, disk/*.
   */
  have(
    unit: UnitOf<'compose'>,
    image: ReferredImage,
    waiting?: Waiting,
  ): Promise<{ readonly layout: string; readonly digest: Digest }>;
  /** Notes that the unit's tree needs what is here of it, and asks no registry. Errors: service/manager-failed, disk/*. */
  keep(unit: UnitOf<'compose'>, image: ReferredImage): Promise<void>;
  /** Removes what is here of it and not what its name says; whether there was any. Errors: service/manager-failed, disk/*. */
  mend(image: ReferredImage): Promise<boolean>;
  /** About as much as an engine needs for it; 0 where it is not here. Errors: service/manager-failed, disk/*. */
  bytesOf(image: ReferredImage): Promise<number>;
  /** Removes what no tree on this machine needs any more. */
  tidy(): Promise<void>;
}

export function imagesIn(stateDir: string): string {
  return join(stateDir, 'images');
}

function placesIn(layout: string) {
  return { layout, parts: join(layout, 'parts'), held: join(layout, 'held.json') };
}

/** More than are asked for at any time. */
const MOST_REMEMBERED = 100;

/**
 * Bytes that would come of an image in a registry; 0 where it is here. A registry is asked once for each: a digest names the
 * same for ever, and what it gives counts against a quota. Throws what keeps it from being asked, as an engine that is away.
 */
export function createImageScale(
  stateDir: string,
): (ref: string, registries: InstanceConfig['registries']) => Promise<number | Unanswered> {
  const { held, ...places } = placesIn(imagesIn(stateDir));
  const remembered = new Map<string, readonly WeighedLayer[]>();
  return async (ref, registries) => {
    const of = digestOfImage({ ref });
    const known = await createHeldImageFile(held).find(of, await enginePlatform());
    if (known !== null && (await isWhole(places.layout, known.config))) return 0;
    const platforms = await enginePlatforms();
    const { layersOf, weighAbsent } = await import('./fetch-referred.ts');
    const key = [of, ...platforms].join(' ');
    const layers = remembered.get(key) ?? (await layersOf(ref, { registries, platforms }));
    if ('kind' in layers) return layers;
    // The one that was wanted last is forgotten last.
    remembered.delete(key);
    remembered.set(key, layers);
    for (const oldest of [...remembered.keys()].slice(0, -MOST_REMEMBERED)) remembered.delete(oldest);
    return weighAbsent(layers, places);
  };
}

export function createPulledImages(layout: string): PulledImages {
  const { held, parts } = placesIn(layout);
  const file = createHeldImageFile(held);
  /** What is noted by one is removed by no other meanwhile. */
  const inTurn = createTurns();

  async function keep(unit: UnitOf<'compose'>, of: string): Promise<HeldImage | null> {
    const known = await file.find(of, await enginePlatform());
    if (known !== null) await file.note(known, unit.workingDirectory);
    return known;
  }

  async function have(unit: UnitOf<'compose'>, { ref, digest: of }: ReferredImage, waiting: Waiting = {}) {
    const known = await keep(unit, of);
    if (known !== null && (await isWhole(layout, known.config))) return { layout, digest: known.config };
    // What speaks to registries is loaded by those that have one.
    const { fetchReferred } = await import('./fetch-referred.ts');
    const platform = await enginePlatform();
    const places = { layout, parts };
    const onFound = (found: ReferredParts) =>
      file.note({ digest: of as Digest, platform, ...found }, unit.workingDirectory);
    const platforms = await enginePlatforms();
    return { layout, digest: await fetchReferred(unit, ref, platforms, places, { ...waiting, onFound }) };
  }

  async function mend({ digest: of }: ReferredImage): Promise<boolean> {
    const known = await file.find(of, await enginePlatform());
    const blobs = known === null ? [] : [known.config, ...known.layers.map(({ plain }) => plain)];
    let isMended = false;
    for (const blob of new Set(blobs)) {
      const path = join(layout, blobPath(blob));
      if ((await digestOfFile(path)) === blob) continue;
      isMended = true;
      await removeAll(path);
    }
    return isMended;
  }

  async function bytesOf({ digest: of }: ReferredImage): Promise<number> {
    const known = await file.find(of, await enginePlatform());
    if (known === null) return 0;
    const image = await readLayoutImage(layout, known.config).catch(() => null);
    return (image?.layers ?? []).reduce((sum, { size }) => sum + size, 0);
  }

  async function tidy(): Promise<void> {
    const kept = await file.prune();
    if (kept === null) return;
    const plain = kept.flatMap(({ config, layers }) => [config, ...layers.map((layer) => layer.plain)]);
    const packed = kept.flatMap(({ layers }) => layers.map((layer) => layer.packed));
    await keepIn(join(layout, 'blobs/sha256'), new Set(plain.map(hexOf)));
    await keepIn(parts, new Set(packed.map(hexOf)));
  }

  return {
    keep: (unit, { digest: of }) => inTurn(async () => void (await keep(unit, of))),
    have: (unit, image, waiting) => inTurn(() => have(unit, image, waiting)),
    mend: (image) => inTurn(() => mend(image)),
    bytesOf,
    tidy: () => inTurn(tidy),
  };
}

function isWhole(layout: string, config: Digest): Promise<boolean> {
  return readLayoutImage(layout, config).then(
    () => true,
    () => false,
  );
}

async function keepIn(directory: string, names: ReadonlySet<string>): Promise<void> {
  for (const name of await namesIfPresent(directory)) {
    if (!names.has(name)) await removeAll(join(directory, name));
  }
}

/** What came from registries meanwhile. */
export async function hearing(
  signal: AbortSignal | undefined,
  act: (waiting: Waiting) => Promise<void>,
): Promise<Pulled | undefined> {
  const came: Pulled[] = [];
  await act({ signal, onPulled: (pulled) => came.push(pulled) });
  return came.length === 0 ? undefined : sumOfPulled(came);
}
