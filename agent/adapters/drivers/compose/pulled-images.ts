// Images that a release names in a registry: fetched once, kept as blobs for as long as a tree on this machine needs them.
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import { type Digest, hexOf } from '../../../../shared/encoding/digest.ts';
import { makeDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { readLayoutImage } from '../../../../shared/node/images/image-layout.ts';
import { isPresent, namesIfPresent, readIfPresent } from '../../../../shared/node/read-file.ts';
import { removeAll } from '../../../../shared/node/remove-all.ts';
import { createTurns } from '../../../../shared/node/turns.ts';
import { digest } from '../../../../shared/schema/common.ts';
import type { UnitImage } from '../../../../shared/schema/drivers/images.ts';
import { readImageDocument } from '../../../../shared/schema/image-documents.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import { enginePlatform } from './docker.ts';
import type { ReferredParts } from './fetch-referred.ts';

const held = z.object({
  /** As the release names it: that of an index, where it has one. */
  digest,
  platform: z.string(),
  config: digest,
  layers: z.array(z.object({ packed: digest, plain: digest })).max(1000),
  /** Directories of the trees whose releases name it. */
  trees: z.array(z.string()).max(1000),
});
const heldImages = z.object({ images: z.array(held).max(10_000) });
type Held = z.output<typeof held>;

export type ReferredImage = UnitImage & { readonly ref: string };

export interface PulledImages {
  /**
   * Its layout and the digest of its configuration: fetched where it is not here yet, so that no later start needs a registry.
   * Errors: service/start-failed where it is no fit image, service/manager-failed, disk/*.
   */
  have(
    unit: UnitOf<'compose'>,
    image: ReferredImage,
  ): Promise<{ readonly layout: string; readonly digest: Digest }>;
  /** Removes what no tree on this machine needs any more. */
  tidy(): Promise<void>;
}

export function createPulledImages(layout: string): PulledImages {
  const path = join(layout, 'held.json');
  const parts = join(layout, 'parts');
  /** What is noted by one is removed by no other meanwhile. */
  const inTurn = createTurns();

  async function read(): Promise<readonly Held[]> {
    const bytes = await readIfPresent(path);
    return bytes === null ? [] : (readImageDocument(heldImages, bytes)?.images ?? []);
  }

  async function write(images: readonly Held[]): Promise<void> {
    await makeDirectory(layout);
    await writeDurably(path, canonicalize({ images: images.map((one) => ({ ...one })) }));
  }

  /** Before anything is fetched: nothing is here that nobody knows of. */
  async function note(found: Omit<Held, 'trees'>, tree: string): Promise<void> {
    const all = await read();
    const before = all.find((one) => one.digest === found.digest && one.platform === found.platform);
    if (before?.trees.includes(tree) === true) return;
    const others = all.filter((one) => one !== before);
    await write([...others, { ...found, trees: [...(before?.trees ?? []), tree] }]);
  }

  async function have(unit: UnitOf<'compose'>, { ref, digest: of }: ReferredImage) {
    const platform = await enginePlatform();
    const known = (await read()).find((one) => one.digest === of && one.platform === platform);
    const isHere = known !== undefined && (await isWhole(layout, known.config));
    if (known !== undefined) await note(known, unit.workingDirectory);
    if (known !== undefined && isHere) return { layout, digest: known.config };
    // What speaks to registries is loaded by those that have one.
    const { fetchReferred } = await import('./fetch-referred.ts');
    const onFound = (found: ReferredParts) =>
      note({ digest: of as Digest, platform, ...found }, unit.workingDirectory);
    return { layout, digest: await fetchReferred(unit, ref, platform, { layout, parts }, onFound) };
  }

  async function tidy(): Promise<void> {
    const all = await read();
    const kept: Held[] = [];
    for (const one of all) {
      const trees = await presentOf(one.trees);
      if (trees.length > 0) kept.push({ ...one, trees });
    }
    if (kept.length < all.length) await write(kept);
    const plain = kept.flatMap(({ config, layers }) => [config, ...layers.map((layer) => layer.plain)]);
    const packed = kept.flatMap(({ layers }) => layers.map((layer) => layer.packed));
    await keepIn(join(layout, 'blobs/sha256'), new Set(plain.map(hexOf)));
    await keepIn(parts, new Set(packed.map(hexOf)));
  }

  return {
    have: (unit, image) => inTurn(() => have(unit, image)),
    tidy: () => inTurn(tidy),
  };
}

function isWhole(layout: string, config: Digest): Promise<boolean> {
  return readLayoutImage(layout, config).then(
    () => true,
    () => false,
  );
}

async function presentOf(paths: readonly string[]): Promise<string[]> {
  const all = await Promise.all(paths.map(async (path) => ((await isPresent(path)) ? [path] : [])));
  return all.flat();
}

async function keepIn(directory: string, names: ReadonlySet<string>): Promise<void> {
  for (const name of await namesIfPresent(directory)) {
    if (!names.has(name)) await removeAll(join(directory, name));
  }
}
