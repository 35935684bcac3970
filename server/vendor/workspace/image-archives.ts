// Archives of images taken apart: what docker and skopeo save, in every form of theirs, becomes the blobs of a layout.
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { count } from '../../../shared/errors/entry.ts';
import { boundUnpacked, writePlainLayer } from '../../../shared/node/images/plain-layer.ts';
import {
  createDecompressor,
  ImageFault,
  readEntries,
  type TarEntry,
  tarSourceOf,
} from '../../../shared/node/images/tar-files.ts';
import { blobPath } from '../../../shared/schema/drivers/images.ts';
import {
  findUnusable,
  type ImageIndex,
  type ImageManifest,
  imageConfig,
  imageIndex,
  imageManifest,
  MAX_IMAGE_DOCUMENT_BYTES,
  readImageDocument,
  selectManifest,
} from '../../../shared/schema/image-documents.ts';
import { findMisfit } from '../../../shared/schema/image-platform.ts';

export interface WantedImage {
  /** Which one, where an archive holds several: as docker calls it. */
  readonly name: string;
  readonly platform: string;
}

const dockerList = z
  .array(
    z.object({
      Config: z.string(),
      RepoTags: z.array(z.string()).nullish(),
      Layers: z.array(z.string()).max(1000),
    }),
  )
  .min(1)
  .max(1000);

/** As many links as an archive may lead through to one layer. */
const MOST_LINKS = 8;
const MOST_INDEXES = 4;

/**
 * Writes the blobs of one image below `layout`, and answers with the digest of its configuration. `scratch` takes an archive
 * that has to be unpacked first. Throws an ImageFault whose message says what is wrong with it; errors of the system pass.
 */
export async function takeApart(
  file: string,
  wanted: WantedImage,
  layout: string,
  scratch: string,
): Promise<Digest> {
  const archive = await openArchive(file, scratch);
  try {
    const list = archive.has('manifest.json') ? await archive.small('manifest.json') : null;
    const image = list === null ? await findOci(archive, wanted) : findDocker(list, wanted);
    const bytes = await archive.small(image.config);
    const config = digestOf(bytes);
    if (image.digest !== null && image.digest !== config)
      throw new ImageFault(`${image.config} is something else`);
    const parsed = readImageDocument(imageConfig, bytes);
    if (parsed === null) throw new ImageFault(`${image.config} is no configuration of an image`);
    const misfit = findMisfit(parsed, [wanted.platform]);
    if (misfit !== null) throw new ImageFault(misfit);
    const layers = parsed.rootfs.diff_ids;
    if (layers.length !== image.layers.length) {
      throw new ImageFault(
        `it has ${image.layers.length} layers where its configuration names ${layers.length}`,
      );
    }
    for (const [at, layer] of layers.entries()) {
      await writePlainLayer(layout, layer, () => archive.stream(image.layers[at] ?? ''));
    }
    await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
    await writeFile(join(layout, blobPath(config)), bytes);
    return config;
  } finally {
    await archive.close();
  }
}

interface FoundImage {
  readonly config: string;
  /** Null where the archive does not say it. */
  readonly digest: Digest | null;
  /** Names of files, lowest first. */
  readonly layers: readonly string[];
}

function findDocker(bytes: Buffer, { name }: WantedImage): FoundImage {
  const list = readImageDocument(dockerList, bytes);
  if (list === null) throw new ImageFault('its manifest.json is not what "docker save" writes');
  const named = list.filter(({ RepoTags }) => RepoTags?.some((tag) => isSameName(tag, name)));
  const found = list.length === 1 ? list : named;
  const [image, ...others] = found;
  if (image === undefined || others.length > 0) {
    const tags = list.flatMap(({ RepoTags }) => RepoTags ?? []).slice(0, 10);
    throw new ImageFault(
      `it holds ${count(list.length, 'image')}, ${found.length} of them under that name: ${tags.join(', ')}`,
    );
  }
  return { config: image.Config, digest: null, layers: image.Layers };
}

/** `redis` is `docker.io/library/redis:latest`, as every engine has it. */
function isSameName(tag: string, name: string): boolean {
  const whole = (text: string) => {
    const short = text.replace(/^(?:docker\.io\/)?(?:library\/)?/, '');
    return /:[^/]*$/.test(short) ? short : `${short}:latest`;
  };
  return whole(tag) === whole(name);
}

async function findOci(archive: Archive, wanted: WantedImage): Promise<FoundImage> {
  if (!archive.has('index.json')) {
    throw new ImageFault('it has neither a manifest.json nor an index.json: write it with "docker save"');
  }
  const top = readImageDocument(imageIndex, await archive.small('index.json'));
  if (top === null) throw new ImageFault('its index.json is no index of images');
  const { config, layers } = await followIndexes(archive, namedIn(top, wanted), wanted.platform);
  return {
    config: blobPath(config.digest),
    digest: config.digest,
    layers: layers.map((one) => blobPath(one.digest)),
  };
}

/** What goes by the name, where an archive holds several. */
function namedIn(index: ImageIndex, { name }: WantedImage): ImageIndex {
  const named = index.manifests.filter(({ annotations = {} }) =>
    [annotations['io.containerd.image.name'], annotations['org.opencontainers.image.ref.name']].some(
      (tag) => tag !== undefined && isSameName(tag, name),
    ),
  );
  return named.length > 0 ? { ...index, manifests: named } : index;
}

async function followIndexes(archive: Archive, top: ImageIndex, platform: string): Promise<ImageManifest> {
  let index = top;
  for (let depth = 0; depth < MOST_INDEXES; depth++) {
    const chosen = index.manifests.length === 1 ? index.manifests[0] : selectManifest(index, [platform]);
    if (chosen === undefined || chosen === null)
      throw new ImageFault(`it holds several images, none alone for ${platform}`);
    const bytes = await archive.small(blobPath(chosen.digest));
    if (digestOf(bytes) !== chosen.digest) throw new ImageFault(`${chosen.digest} is something else`);
    const manifest = readImageDocument(imageManifest, bytes);
    const unusable = manifest === null ? null : findUnusable(manifest);
    if (unusable !== null) throw new ImageFault(unusable);
    if (manifest !== null) return manifest;
    const next = readImageDocument(imageIndex, bytes);
    if (next === null) throw new ImageFault(`${chosen.digest} is neither a manifest nor an index`);
    index = next;
  }
  throw new ImageFault('its indexes lead through one another');
}

interface Archive {
  has(name: string): boolean;
  /** Throws where it is not there, or larger than a document of an image may be. */
  small(name: string): Promise<Buffer>;
  stream(name: string): Readable;
  close(): Promise<void>;
}

async function openArchive(file: string, scratch: string): Promise<Archive> {
  const handle = await openPlain(file, scratch);
  const entries = await listEntries(handle).catch(async (error: unknown) => {
    await handle.close();
    throw error;
  });
  const find = (name: string): TarEntry => {
    let entry = entries.get(posix.normalize(name));
    for (let links = 0; isLink(entry) && links < MOST_LINKS; links++) {
      // Old archives have a layer that occurs twice once, and a link: read here as a name of the archive, never of this machine.
      entry = entries.get(posix.join(dirname(entry.name), entry.target)) ?? entries.get(entry.target);
    }
    if (entry?.kind === 'file') return entry;
    throw new ImageFault(`it names ${JSON.stringify(name)}, which is not there`);
  };
  return {
    has: (name) => entries.has(name),
    async small(name) {
      const { at, size } = find(name);
      if (size > MAX_IMAGE_DOCUMENT_BYTES)
        throw new ImageFault(`${name} is larger than any document of an image`);
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(size), 0, size, at);
      if (bytesRead < size) throw new ImageFault('the archive is cut');
      return buffer;
    },
    stream(name) {
      const { at, size } = find(name);
      return size === 0
        ? createReadStream('/dev/null')
        : handle.createReadStream({ start: at, end: at + size - 1, autoClose: false });
    },
    close: () => handle.close(),
  };
}

function isLink(entry: TarEntry | undefined): entry is TarEntry {
  return entry?.kind === 'symlink' || entry?.kind === 'hardlink';
}

/** Two files under one name: which of them counts, every program decides for itself. */
async function listEntries(handle: FileHandle): Promise<ReadonlyMap<string, TarEntry>> {
  const entries = new Map<string, TarEntry>();
  for await (const entry of readEntries(await tarSourceOf(handle, Number.POSITIVE_INFINITY))) {
    if (entry.kind === 'other' || entry.kind === 'directory') continue;
    if (entries.has(entry.name)) throw new ImageFault(`it holds two files ${JSON.stringify(entry.name)}`);
    entries.set(entry.name, entry);
  }
  return entries;
}

/** A file of which any part can be read: a compressed archive is unpacked first. */
async function openPlain(file: string, scratch: string): Promise<FileHandle> {
  const handle = await open(file, 'r');
  const decompressor = createDecompressor((await handle.read(Buffer.alloc(4), 0, 4, 0)).buffer);
  if (decompressor === null) return handle;
  const plain = join(scratch, 'archive.tar');
  await pipeline(
    handle.createReadStream({ start: 0 }),
    decompressor,
    boundUnpacked,
    createWriteStream(plain),
  );
  return open(plain, 'r');
}
