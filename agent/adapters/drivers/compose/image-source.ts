// Where an image of a release is: in an archive, or as the blobs of a layout; what it is, and how the engine is handed it.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { type ArchivedImage, readImages } from '../../../../shared/node/images/image-archive.ts';
import { readLayoutImage } from '../../../../shared/node/images/image-layout.ts';
import { imageTar, manifestDigest } from '../../../../shared/node/images/image-tar.ts';
import { blobPath, type UnitImage } from '../../../../shared/schema/drivers/images.ts';
import type { ToolResult } from '../../machine/run-tool.ts';
import { docker } from './docker.ts';
import type { PulledImages, ReferredImage } from './pulled-images.ts';

export interface ImageSource extends ArchivedImage {
  /** For people: the file or directory. */
  readonly path: string;
  /** About as much as an engine needs for it. */
  readonly bytes: number;
  /** Has the engine load it. Nothing is written here: a layout goes to it piece by piece. */
  load(): Promise<ToolResult>;
}

const LOAD_MS = 10 * 60_000;

/** Throws an error whose message says what is wrong with it, or that it holds no such image. */
export async function openImage(
  image: UnitImage,
  fetchReferred: (image: ReferredImage) => ReturnType<PulledImages['have']>,
): Promise<ImageSource> {
  if ('ref' in image) {
    const { layout, digest } = await fetchReferred(image);
    return openLayout(layout, digest);
  }
  return 'archive' in image
    ? openArchive(image.archive, image.digest)
    : openLayout(image.layout, image.digest as Digest);
}

async function openArchive(path: string, digest: string): Promise<ImageSource> {
  const images = await readImages(path);
  const found = images.find(({ config, manifest }) => config === digest || manifest === digest);
  if (found === undefined) throw new Error(`it does not hold the image ${digest}`);
  const { size } = await stat(path);
  return {
    ...found,
    path,
    bytes: size,
    load: () => docker(['load', '--input', path], { timeoutMs: LOAD_MS }),
  };
}

async function openLayout(path: string, digest: Digest): Promise<ImageSource> {
  const image = await readLayoutImage(path, digest);
  return {
    path,
    bytes: image.layers.reduce((sum, { size }) => sum + size, 0),
    config: digestOf(image.config),
    manifest: manifestDigest(image),
    layers: image.layers.map((layer) => layer.digest),
    platform: image.platform,
    load: () => {
      const input = imageTar(image, (layer) => join(path, blobPath(layer)));
      return docker(['load'], { timeoutMs: LOAD_MS, input });
    },
  };
}
