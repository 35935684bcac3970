// What an archive of `docker save` holds: each image by what is the same in every store, its configuration and its layers.
import { z } from 'zod';
import { type Digest, digestOf } from '../../encoding/digest.ts';
import { readImageDocument, saidPlatform } from '../../schema/image-documents.ts';
import type { SaidPlatform } from '../../schema/image-platform.ts';
import { ImageFault, readSmallFiles } from './tar-files.ts';

export interface ArchivedImage {
  /** Digest of its configuration: its id in Docker's own store. */
  readonly config: Digest;
  /** Digest of its manifest, where the archive has one: its id in containerd's store. */
  readonly manifest: Digest | null;
  /** Digests of its layers as they are unpacked, lowest first. */
  readonly layers: readonly string[];
  /** What it says of the machines that it is for. */
  readonly platform: SaidPlatform;
}

const manifests = z
  .array(z.object({ Config: z.string() }))
  .min(1)
  .max(1000);
const configuration = z.object({
  ...saidPlatform,
  rootfs: z.object({ diff_ids: z.array(z.string()).max(1000) }),
});
const index = z.object({ manifests: z.array(z.object({ digest: z.string() })).max(1000) });
const manifest = z.object({ config: z.object({ digest: z.string() }) });

/** Throws an ImageFault whose message says what is wrong with the archive; errors of the system pass. */
export async function readImages(path: string): Promise<readonly ArchivedImage[]> {
  const files = await readSmallFiles(path);
  const list = files.get('manifest.json');
  // What skopeo writes as `oci-archive:` or buildx as `type=oci`: Docker's own store does not load it.
  if (list === undefined && files.has('index.json')) {
    throw new ImageFault(
      'it is an OCI archive: write it with "docker save", or skopeo copy … docker-archive:FILE',
    );
  }
  if (list === undefined) throw new ImageFault('it has no manifest.json: write it with "docker save"');
  const known = manifestsIn(files);
  return parse(manifests, list).map(({ Config }) => {
    const bytes = files.get(Config);
    if (bytes === undefined) throw new ImageFault(`its manifest.json names ${Config}, which is not there`);
    const config = digestOf(bytes);
    const { rootfs, ...platform } = parse(configuration, bytes);
    return { config, manifest: known.get(config) ?? null, layers: rootfs.diff_ids, platform };
  });
}

/** By the digest of the configuration that each is about; one whose bytes are not what its name says does not count. */
function manifestsIn(files: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Digest> {
  const bytes = files.get('index.json');
  const named = bytes === undefined ? [] : parse(index, bytes).manifests;
  return new Map(
    named.flatMap(({ digest }) => {
      const blob = files.get(`blobs/${digest.replace(':', '/')}`);
      const about = blob === undefined ? null : readImageDocument(manifest, blob);
      if (blob === undefined || about === null || digestOf(blob) !== digest) return [];
      return [[about.config.digest, digestOf(blob)] as const];
    }),
  );
}

function parse<Schema extends z.ZodType>(schema: Schema, bytes: Buffer): z.output<Schema> {
  const parsed = readImageDocument(schema, bytes);
  if (parsed !== null) return parsed;
  throw new ImageFault('what describes its images is not what "docker save" writes');
}
