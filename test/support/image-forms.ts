// One small image in the forms that docker, skopeo and buildx write, and the documents of any other.
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../shared/encoding/digest.ts';
import { blobPath } from '../../shared/schema/drivers/images.ts';

export type Files = readonly (readonly [name: string, bytes: Buffer])[];

export interface Image {
  readonly config: Buffer;
  /** Plain, lowest first. */
  readonly layers: readonly Buffer[];
}

export const json = (value: unknown) => Buffer.from(JSON.stringify(value));

export function imageOf(layers: readonly string[], more: object = {}): Image {
  const bytes = layers.map((text) => Buffer.from(text));
  const rootfs = { type: 'layers', diff_ids: bytes.map((layer) => digestOf(layer)) };
  return { config: json({ architecture: 'amd64', os: 'linux', ...more, rootfs }), layers: bytes };
}

/** `docker save` before version 25, and skopeo's `docker-archive:`. */
export function oldDocker(image: Image, tags: readonly string[] | null = null): Files {
  const config = `${digestOf(image.config).slice(7)}.json`;
  const layers = image.layers.map((_, at) => `${at}/layer.tar`);
  return [
    [config, image.config],
    ...image.layers.map((bytes, at) => [layers[at] ?? '', bytes] as const),
    ['manifest.json', json([{ Config: config, RepoTags: tags, Layers: layers }])],
  ];
}

/** skopeo's `oci-archive:`, and the output `type=oci` of buildx; packed layers, as registries have them. */
export function oci(image: Image, pack: (bytes: Buffer) => Buffer = gzipSync, more: object = {}): Files {
  const layers = image.layers.map(pack);
  const manifest = json(manifestOf(image.config, layers));
  const index = { schemaVersion: 2, manifests: [{ ...described(manifest), ...more }] };
  return [
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json(index)],
    ...new Map([manifest, image.config, ...layers].map((bytes) => [blobPath(digestOf(bytes)), bytes])),
  ];
}

export function manifestOf(config: Buffer, layers: readonly Buffer[]): object {
  const media = 'application/vnd.oci.image';
  return {
    schemaVersion: 2,
    mediaType: `${media}.manifest.v1+json`,
    config: described(config, `${media}.config.v1+json`),
    layers: layers.map((bytes) => described(bytes, `${media}.layer.v1.tar+gzip`)),
  };
}

export function described(bytes: Buffer, mediaType = 'application/vnd.oci.image.manifest.v1+json') {
  return { mediaType, digest: digestOf(bytes) as string, size: bytes.length };
}

/** As docker 25 and later: a layout that an older engine loads too. */
export function newDocker(image: Image, tags: readonly string[] | null = null): Files {
  const list = {
    Config: blobPath(digestOf(image.config)),
    RepoTags: tags,
    Layers: image.layers.map((bytes) => blobPath(digestOf(bytes))),
  };
  return [...oci(image, (bytes) => bytes), ['manifest.json', json([list])]];
}

/** `files` with one of them replaced, added, or left out where the bytes are null. */
export function withFile(files: Files, name: string, bytes: Buffer | null): Files {
  const others = files.filter(([other]) => other !== name);
  return bytes === null ? others : [...others, [name, bytes]];
}
