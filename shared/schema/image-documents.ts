// The documents of a container image, as far as we read them, and the one form in which we write them: every layer plain.
import { z } from 'zod';
import { canonicalize } from '../encoding/canonical.ts';
import { type Digest, digestOf } from '../encoding/digest.ts';
import { digest } from './common.ts';
import { blobPath } from './drivers/images.ts';
import { selectFor } from './image-platform.ts';

const MOST_LAYERS = 1000;
/** Of a configuration or manifest: registries take no larger ones. */
export const MAX_IMAGE_DOCUMENT_BYTES = 4 << 20;

/** For which machines it is. */
export const saidPlatform = {
  os: z.string().optional(),
  architecture: z.string().optional(),
  variant: z.string().optional(),
};

/** OCI image configuration. The digests of its layers are those of the plain tar archives, lowest first. */
export const imageConfig = z.object({
  ...saidPlatform,
  rootfs: z.object({ diff_ids: z.array(digest).max(MOST_LAYERS) }),
});

const descriptor = z.object({
  mediaType: z.string().max(255).optional(),
  artifactType: z.string().max(255).optional(),
  digest,
  size: z.int().min(0),
  urls: z.array(z.string()).max(100).optional(),
  platform: z.object(saidPlatform).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

/** What names the bytes of something in an archive, a layout or a registry. */
export type Descriptor = z.output<typeof descriptor>;

/** OCI image manifest, and Docker's of schema 2, which differs in its media types alone. */
export const imageManifest = z.object({
  schemaVersion: z.literal(2),
  config: descriptor,
  layers: z.array(descriptor).max(MOST_LAYERS),
});

export type ImageManifest = z.output<typeof imageManifest>;

/** OCI image index, and Docker's manifest list. */
export const imageIndex = z.object({
  schemaVersion: z.literal(2),
  manifests: z.array(descriptor).min(1).max(MOST_LAYERS),
});

export type ImageIndex = z.output<typeof imageIndex>;

/** Null for bytes that are no such document. */
export function readImageDocument<Schema extends z.ZodType>(
  schema: Schema,
  bytes: Uint8Array,
): z.output<Schema> | null {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return null;
  }
}

/** Why an image cannot be had whole; null where it can. */
export function findUnusable({ config, layers }: ImageManifest): string | null {
  // Artifacts are described by manifests too: signatures, charts, bills of materials.
  if (
    !/image\.config\.v1\+json$|container\.image\.v1\+json$/.test(config.mediaType ?? 'image.config.v1+json')
  ) {
    return `it is no image but ${JSON.stringify(config.mediaType)}`;
  }
  const isElsewhere = ({ mediaType = '', urls = [] }: Descriptor) =>
    urls.length > 0 || /foreign|nondistributable/.test(mediaType);
  return layers.some(isElsewhere)
    ? 'a layer of it is to be had elsewhere alone, as those of Windows are'
    : null;
}

/** The one for these machines, the first of them before the others; where none says for which it is, the only one. */
export function selectManifest({ manifests }: ImageIndex, machines: readonly string[]): Descriptor | null {
  const [only, ...others] = manifests;
  const unsaid = only?.platform === undefined && others.length === 0 ? only : undefined;
  return selectFor(manifests, machines) ?? unsaid ?? null;
}

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
