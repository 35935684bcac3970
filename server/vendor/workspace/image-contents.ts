// What is inside of the images that a release ships: read out of their layers, or why it is not known.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, hexOf } from '../../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { machineFault } from '../../../shared/errors/error.ts';
import { readImages } from '../../../shared/node/images/image-archive.ts';
import { faultOf, ImageFault } from '../../../shared/node/images/tar-files.ts';
import { blobPath, digestOfImage, type ServiceImage } from '../../../shared/schema/drivers/images.ts';
import { imageConfig, readImageDocument } from '../../../shared/schema/image-documents.ts';
import { platformOf } from '../../../shared/schema/image-platform.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import { bytesWanted, type ImageContents, readPackages } from '../core/sbom/image-packages.ts';
import { takeApart } from './image-archives.ts';
import { readInside } from './image-files.ts';

/** By the digest that the release has for each: what is in it, or why nobody knows. */
type ContentsOfImages = ReadonlyMap<Digest, ImageContents | string>;

/** `place` says where a file of the tree is; `scratch` takes archives apart. A bill has no word of this machine. Errors: disk/*. */
export async function readContents(
  { service }: CapabilityRelease,
  place: (path: string) => string,
  scratch: string,
): Promise<ContentsOfImages> {
  const contents = new Map<Digest, ImageContents | string>();
  if (service.driver !== 'compose') return contents;
  for (const image of service.images) {
    const found = await contentsOf(image, place, scratch).catch((error: unknown) => {
      const why = faultOf(error);
      if (why !== null) return sanitizeLine(why, 200);
      throw machineFault(error, scratch) ?? error;
    });
    contents.set(digestOfImage(image), found);
  }
  return contents;
}

/** What of the images is not told, a line for each. */
export function describeUnknown(
  { service }: CapabilityRelease,
  contents: ContentsOfImages,
): readonly string[] {
  if (service.driver !== 'compose') return [];
  return service.images.flatMap((image) => {
    const found = contents.get(digestOfImage(image));
    const name = image.name ?? digestOfImage(image);
    const unknown = (why: string) =>
      sanitizeLine(`the bill of materials does not say what is inside of "${name}": ${why}`, 400);
    if (found === undefined || typeof found === 'string') return [unknown(found ?? 'nobody looked')];
    if (found.managers.length + found.unread.length === 0) return [unknown('it has no list of packages')];
    return found.unread.map((one) => unknown(one));
  });
}

async function contentsOf(
  image: ServiceImage,
  place: (path: string) => string,
  scratch: string,
): Promise<ImageContents | string> {
  if ('ref' in image) return 'it stays in its registry';
  if ('layout' in image) {
    return readLayers(image.digest, (blob) => place(`${image.layout}/${blobPath(blob)}`));
  }
  const layout = join(scratch, 'inside');
  await mkdir(layout, { recursive: true });
  try {
    const file = place(image.archive);
    const known = await readImages(file);
    const own = known.find(({ config, manifest }) => [config, manifest].includes(image.digest));
    if (own === undefined) return 'its archive holds another one';
    const wanted = { name: image.name ?? image.digest, platform: platformOf(own.platform) ?? '' };
    const digest = await takeApart(file, wanted, layout, layout);
    if (digest !== own.config) return 'its archive holds several';
    return await readLayers(digest, (blob) => join(layout, blobPath(blob)));
  } finally {
    await rm(layout, { recursive: true, force: true });
  }
}

async function readLayers(config: Digest, place: (blob: Digest) => string): Promise<ImageContents> {
  const parsed = readImageDocument(imageConfig, await readFile(place(config)));
  if (parsed === null) throw new ImageFault(`${hexOf(config)} is no configuration of an image`);
  return readPackages(await readInside(parsed.rootfs.diff_ids.map(place), bytesWanted));
}
