// Which images from registries are kept here, and for which trees: what is in no note of anybody's may go.
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import { isFairleadError } from '../../../../shared/errors/error.ts';
import { makeDirectory } from '../../../../shared/node/durable-file.ts';
import { isMomentary, isPresent, readIfPresent } from '../../../../shared/node/read-file.ts';
import { replaceDurably, setAside } from '../../../../shared/node/set-aside.ts';
import { digest } from '../../../../shared/schema/common.ts';
import { readImageDocument } from '../../../../shared/schema/image-documents.ts';

const held = z.object({
  /** As the release names it: that of an index, where it has one. */
  digest,
  platform: z.string(),
  config: digest,
  layers: z.array(z.object({ packed: digest, plain: digest })).max(1000),
  /** Directories of the trees whose releases name it. */
  trees: z.array(z.string()).max(1000),
});
const heldImages = z.object({
  images: z.array(held).max(10_000),
  /** Of which a file that could not be read may have said that they need images. */
  unread: z.array(z.string()).max(10_000).default([]),
});

export type HeldImage = z.output<typeof held>;
type HeldImages = z.output<typeof heldImages>;

interface HeldImageFile {
  find(digest: string, platform: string): Promise<HeldImage | null>;
  /** Before anything is fetched: nothing is here that nobody knows of. */
  note(found: Omit<HeldImage, 'trees'>, tree: string): Promise<void>;
  /** Forgets the trees that are gone. Answers with what the others need; null while nobody can tell that. */
  prune(): Promise<readonly HeldImage[] | null>;
}

export function createHeldImageFile(path: string): HeldImageFile {
  /** Null where it cannot be read, and asking again will not help. */
  async function read(): Promise<HeldImages | null> {
    try {
      const bytes = await readIfPresent(path);
      return bytes === null ? { images: [], unread: [] } : readImageDocument(heldImages, bytes);
    } catch (error) {
      if (!isFairleadError(error) || isMomentary(error)) throw error;
      return null;
    }
  }

  async function write(all: HeldImages): Promise<void> {
    await makeDirectory(dirname(path));
    await replaceDurably(path, canonicalize({ ...all, images: all.images.map((one) => ({ ...one })) }));
  }

  /** Whatever it was, any of the trees that are here may have been in it. */
  async function beginAnew(tree: string): Promise<HeldImages> {
    await setAside(path);
    const trees = dirname(tree);
    return { images: [], unread: (await readdir(trees)).map((name) => join(trees, name)) };
  }

  return {
    async find(digest, platform) {
      const all = (await read())?.images ?? [];
      return all.find((one) => one.digest === digest && one.platform === platform) ?? null;
    },
    async note(found, tree) {
      const known = await read();
      const isSame = (one: HeldImage) => one.digest === found.digest && one.platform === found.platform;
      if (known?.images.find(isSame)?.trees.includes(tree) === true) return;
      const { images, unread } = await presentIn(known ?? (await beginAnew(tree)));
      const trees = images.find(isSame)?.trees ?? [];
      const others = images.filter((one) => !isSame(one));
      await write({ images: [...others, { ...found, trees: [...trees, tree] }], unread });
    },
    async prune() {
      const known = await read();
      if (known === null) return null;
      const kept = await presentIn(known);
      if (countOf(kept) < countOf(known)) await write(kept);
      return kept.unread.length > 0 ? null : kept.images;
    },
  };
}

async function presentIn({ images, unread }: HeldImages): Promise<HeldImages> {
  const kept: HeldImage[] = [];
  for (const one of images) {
    const trees = await presentOf(one.trees);
    if (trees.length > 0) kept.push({ ...one, trees });
  }
  return { images: kept, unread: await presentOf(unread) };
}

function countOf({ images, unread }: HeldImages): number {
  return images.reduce((sum, { trees }) => sum + trees.length, unread.length);
}

async function presentOf(paths: readonly string[]): Promise<string[]> {
  const all = await Promise.all(paths.map(async (path) => ((await isPresent(path)) ? [path] : [])));
  return all.flat();
}
