// An image as files of a layout, one for each blob: found by the digest of its configuration, which names all the others.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { Digest } from '../../encoding/digest.ts';
import { digestOf } from '../../encoding/digest.ts';
import { blobPath, type UnitImage } from '../../schema/drivers/images.ts';
import {
  type Blob,
  imageConfig,
  MAX_IMAGE_DOCUMENT_BYTES,
  readImageDocument,
} from '../../schema/image-documents.ts';
import type { SaidPlatform } from '../../schema/image-platform.ts';
import { readIfPresent } from '../read-file.ts';
import { ImageFault } from './tar-files.ts';

export interface PlainImage {
  readonly config: Uint8Array;
  /** Lowest first; one may occur twice. */
  readonly layers: readonly Blob[];
  readonly platform: SaidPlatform;
}

/** Throws an ImageFault whose message says what the layout lacks; errors of the system pass. */
export async function readLayoutImage(layout: string, digest: Digest): Promise<PlainImage> {
  const config = await readIfPresent(join(layout, blobPath(digest)), MAX_IMAGE_DOCUMENT_BYTES + 1);
  if (config === null) throw new ImageFault(`it does not hold the image ${digest}`);
  const { rootfs, ...platform } = parseConfig(config, digest);
  const layers: Blob[] = [];
  for (const layer of rootfs.diff_ids) {
    const found = await stat(join(layout, blobPath(layer))).catch(() => null);
    if (found?.isFile() !== true) throw new ImageFault(`it lacks the layer ${layer} of the image ${digest}`);
    layers.push({ digest: layer, size: found.size });
  }
  return { config, layers, platform };
}

/** A configuration that must be the one meant. Throws what is wrong with it. */
function parseConfig(config: Uint8Array, digest: Digest): z.output<typeof imageConfig> {
  if (config.length > MAX_IMAGE_DOCUMENT_BYTES || digestOf(config) !== digest) {
    throw new ImageFault(`what it holds as ${digest} is something else`);
  }
  const parsed = readImageDocument(imageConfig, config);
  if (parsed === null) throw new ImageFault(`${digest} is no configuration of an image`);
  return parsed;
}

/** The room that it takes where it is: about as much as an engine will need. Errors of the system. */
export async function bytesOfImage(image: Exclude<UnitImage, { readonly ref: string }>): Promise<number> {
  if ('archive' in image) return (await stat(image.archive)).size;
  const { layers } = await readLayoutImage(image.layout, image.digest as Digest);
  return layers.reduce((sum, { size }) => sum + size, 0);
}
