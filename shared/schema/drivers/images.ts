// The images of a compose service: where the bytes of each are, which image it is, and what the compose file may call it.
import { z } from 'zod';
import type { Digest } from '../../encoding/digest.ts';
import { digest, treePath } from '../common.ts';

/** What the compose file says where it does not say the digest, such as `redis:7`. */
export const serviceImageName = z
  .string()
  .max(512)
  .regex(/^[\w][\w.:/@+-]*$/, { error: 'what the compose file says after "image:", such as "redis:7"' });
const name = serviceImageName.exactOptional();

const archived = z.strictObject({ archive: treePath, digest, name });
const laidOut = z.strictObject({ layout: treePath, digest, name });

export const serviceImage = z.union([archived, laidOut], {
  error: '"archive" or "layout" with "digest", such as {"layout": "images", "digest": "sha256:…"}',
});

export type ServiceImage = z.output<typeof serviceImage>;

/** The same with every path absolute. */
export type UnitImage = { readonly digest: string; readonly name?: string } & (
  | { readonly archive: string }
  | { readonly layout: string }
);

export function renderImage(image: ServiceImage, tree: string): UnitImage {
  return 'archive' in image
    ? { ...image, archive: `${tree}/${image.archive}` }
    : { ...image, layout: `${tree}/${image.layout}` };
}

/** By which a compose file may run it. What is bound to a digest here is no name that anything else could move. */
export function namesOf({ digest, name }: Pick<UnitImage, 'digest' | 'name'>): readonly string[] {
  return name === undefined ? [digest] : [digest, name];
}

/** Where a layout has the blob of a digest (OCI image layout, §blobs). */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`;
}
