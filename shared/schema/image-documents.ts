// The documents of a container image, as far as we read them, and the one form in which we write them: every layer plain.
import { z } from 'zod';
import { canonicalize } from '../encoding/canonical.ts';
import { type Digest, digestOf } from '../encoding/digest.ts';
import { digest } from './common.ts';
import { blobPath } from './drivers/images.ts';

const MOST_LAYERS = 1000;
/** Of a configuration or manifest: registries take no larger ones. */
export const MAX_IMAGE_DOCUMENT_BYTES = 4 << 20;

/** OCI image configuration. The digests of its layers are those of the plain tar archives, lowest first. */
export const imageConfig = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  variant: z.string().optional(),
  rootfs: z.object({ diff_ids: z.array(digest).max(MOST_LAYERS) }),
});

export type ImageConfig = z.output<typeof imageConfig>;

export interface Blob {
  readonly digest: Digest;
  readonly size: number;
}

const OCI = 'application/vnd.oci.image';

/** The manifest of an image whose layers are plain: the same image gives the same bytes, wherever it came from. */
export function plainManifest(config: Blob, layers: readonly Blob[]): Uint8Array {
  return canonicalize({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: { mediaType: `${OCI}.config.v1+json`, ...config },
    layers: layers.map((layer) => ({ mediaType: `${OCI}.layer.v1.tar`, ...layer })),
  });
}

/** The `index.json` of a layout: its manifests in the order of their digests, each with the name it goes by, if any. */
export function layoutIndex(
  manifests: readonly { readonly bytes: Uint8Array; readonly name?: string | undefined }[],
): Uint8Array {
  const described = manifests.map(({ bytes, name }) => ({
    mediaType: `${OCI}.manifest.v1+json`,
    digest: digestOf(bytes) as string,
    size: bytes.length,
    ...(name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }),
  }));
  return canonicalize({
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests: described.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
  });
}

export const LAYOUT_FILE = 'oci-layout';
export const LAYOUT_BYTES: Uint8Array = canonicalize({ imageLayoutVersion: '1.0.0' });

/** What Docker's own store loads by, which knows no `index.json`. No name: one would be taken from whatever has it. */
export function dockerManifest(config: Digest, layers: readonly Digest[]): Uint8Array {
  return canonicalize([{ Config: blobPath(config), RepoTags: null, Layers: layers.map(blobPath) }]);
}
