// The images of a compose service: where the bytes of each are, which image it is, and what the compose file may call it.
import { z } from 'zod';
import type { Digest } from '../../encoding/digest.ts';
import { digest, treePath } from '../common.ts';
import { pinnedImage } from './image-ref.ts';

/** What the compose file says where it does not say the digest, such as `redis:7`. */
export const serviceImageName = z
  .string()
  .max(512)
  .regex(/^[\w][\w.:/@+-]*$/, { error: 'what the compose file says after "image:", such as "redis:7"' });
const name = serviceImageName.exactOptional();

const archived = z.strictObject({ archive: treePath, digest, name });
const laidOut = z.strictObject({ layout: treePath, digest, name });
const referred = z.strictObject({ ref: pinnedImage, name });

export const serviceImage = z.union([archived, laidOut, referred], {
  error:
    '"archive" or "layout" with "digest", or "ref", such as {"ref": "registry.example.com/auth@sha256:…"}',
});

export type ServiceImage = z.output<typeof serviceImage>;
export type ReferredImage = z.output<typeof referred>;

/** The same with every path absolute. */
export type UnitImage = { readonly digest: string; readonly name?: string } & (
  | { readonly archive: string }
  | { readonly layout: string }
  | { readonly ref: string }
);

export function renderImage(image: ServiceImage, tree: string): UnitImage {
  if ('ref' in image) return { ...image, digest: digestOfImage(image) };
  return 'archive' in image
    ? { ...image, archive: `${tree}/${image.archive}` }
    : { ...image, layout: `${tree}/${image.layout}` };
}

/** By which a compose file may run it. What is bound to a digest here is no name that anything else could move. */
export function namesOf(image: ServiceImage | UnitImage): readonly string[] {
  const { name } = image;
  const own = 'ref' in image ? [digestOfImage(image), image.ref] : [image.digest];
  return name === undefined ? own : [...own, name];
}

/** Of an image in a registry that of its manifest, or of an index of several; of any other that of its configuration, or manifest. */
export function digestOfImage(image: ServiceImage): Digest;
export function digestOfImage(image: { readonly ref: string }): Digest;
export function digestOfImage(image: ServiceImage | { readonly ref: string }): Digest {
  return 'ref' in image ? (image.ref.slice(image.ref.indexOf('@') + 1) as Digest) : image.digest;
}

/** Where a layout has the blob of a digest (OCI image layout, §blobs). */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`;
}
