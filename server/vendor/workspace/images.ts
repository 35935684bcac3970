// Images for a release: those named on the command line, laid out beside the tree, a file for each blob.
import { mkdir, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { isJsonObject, type JsonValue } from '../../../shared/encoding/json.ts';
import { FairleadError, isFairleadError, machineFault, systemCode } from '../../../shared/errors/error.ts';
import { readLayoutImage } from '../../../shared/node/images/image-layout.ts';
import { fetchImage, findImageIn } from '../../../shared/node/images/pull.ts';
import { createRegistry, urlOfRegistry } from '../../../shared/node/images/registry.ts';
import { readDockerLogin } from '../../../shared/node/images/registry-login.ts';
import { formatPinned, type ImageRef, parseImageRef } from '../../../shared/schema/drivers/image-ref.ts';
import type { ServiceImage } from '../../../shared/schema/drivers/images.ts';
import {
  LAYOUT_BYTES,
  LAYOUT_FILE,
  layoutIndex,
  plainManifest,
} from '../../../shared/schema/image-documents.ts';
import type { TreeEntry } from '../../../shared/tree/tree-index.ts';
import { takeApart } from './image-archives.ts';
import type { Session } from './passphrases.ts';
import { readTree } from './tree-reader.ts';

/** `redis:7=redis.tar`: what the compose file calls it, and where it comes from: an archive, or a registry. */
export interface NamedImage {
  readonly name: string;
  readonly source: string;
}

export interface LaidOutImages {
  /** Of the layout, by their paths in the tree. */
  readonly entries: readonly TreeEntry[];
  /** Where the files of these entries are. */
  readonly elsewhere: ReadonlyMap<string, string>;
  /** As `service.images` has them. */
  readonly images: readonly JsonValue[];
  /** Files that were taken apart: what of them lies in the tree is not shipped as well. */
  readonly taken: readonly string[];
}

/** In the tree: one layout for all images, so that a layer which several of them have is there once. */
const LAYOUT = 'images';

/** What images are unpacked in while `work` needs them: in the workspace, or where there is none among temporary files. */
export async function withScratch<T>(
  workspace: string | null,
  work: (scratch: string) => Promise<T>,
): Promise<T> {
  const scratch =
    workspace === null
      ? await mkdtemp(join(tmpdir(), 'fairlead-images-'))
      : join(workspace, 'builds', '.images');
  // One name for every build: what a killed one left is in nobody's way.
  await rm(scratch, { recursive: true, force: true });
  try {
    return await work(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Errors: vendor/image-refused, disk/*. */
export async function layOutImages(
  named: readonly NamedImage[],
  { platform, embed }: Pick<LayOut, 'platform' | 'embed'>,
  scratch: string,
  session: Pick<Session, 'environment' | 'out'>,
): Promise<LaidOutImages> {
  const layout = join(scratch, LAYOUT);
  await mkdir(layout, { recursive: true });
  const images: ServiceImage[] = [];
  for (const image of named) images.push(await layOut(image, { platform, embed, layout, scratch, session }));
  const found = images.filter((image) => 'layout' in image);
  if (found.length > 0) {
    await writeFile(join(layout, LAYOUT_FILE), LAYOUT_BYTES);
    await writeFile(join(layout, 'index.json'), layoutIndex(await manifestsOf(layout, found)));
  }
  const entries = found.length === 0 ? [] : (await readTree(layout)).entries;
  const placed = entries.map((entry) => ({ ...entry, path: `${LAYOUT}/${entry.path}` }));
  return {
    entries: placed,
    elsewhere: new Map(placed.map(({ path }) => [path, join(scratch, path)])),
    images: images.map((image) => ({ ...image })),
    taken: (await Promise.all(named.map(({ source }) => realpath(source).catch(() => [])))).flat(),
  };
}

interface LayOut {
  readonly platform: string;
  /** Whether what a registry has is shipped too, and not only named. */
  readonly embed: boolean;
  readonly layout: string;
  readonly scratch: string;
  readonly session: Pick<Session, 'environment' | 'out'>;
}

async function layOut({ name, source }: NamedImage, how: LayOut): Promise<ServiceImage> {
  const { platform, layout, scratch } = how;
  const isFile = (await stat(source).catch(() => null))?.isFile() === true;
  try {
    if (isFile) {
      return { layout: LAYOUT, digest: await takeApart(source, { name, platform }, layout, scratch), name };
    }
    const ref = parseImageRef(source);
    // A path is no reference, but for the simplest of both.
    if (ref === null || /\.(?:tar|tgz|gz|zst)$/.test(source)) throw new Error('there is no such file');
    return { ...(await pull(source, ref, how)), name };
  } catch (cause) {
    if (isFairleadError(cause)) throw cause;
    const machine = isOfSource(cause, source, isFile) ? null : machineFault(cause, scratch);
    if (machine !== null) throw machine;
    const code = systemCode(cause);
    const problem = code === 'unknown error' && cause instanceof Error ? cause.message : code;
    throw new FairleadError('vendor/image-refused', { name, source, problem }, { cause });
  }
}

/** What cannot be read out of an open file has no path: of an archive it is the source. */
function isOfSource(cause: unknown, source: string, isFile: boolean): boolean {
  if (!(cause instanceof Error)) return false;
  if ('path' in cause) return cause.path === source;
  return isFile && 'syscall' in cause && cause.syscall === 'read';
}

/** Out of its registry, with what `docker login` has kept on this machine. */
async function pull(
  source: string,
  { host, repository, tag, digest }: ImageRef,
  { platform, embed, layout, scratch, session }: LayOut,
): Promise<ServiceImage> {
  const login = await readDockerLogin(host, session.environment);
  const registry = createRegistry({ url: urlOfRegistry(host), login }, session.environment);
  try {
    const spec = { host, repository, platforms: [platform], reference: digest ?? tag ?? 'latest' };
    const image = await findImageIn(registry, spec);
    if (!embed) return { ref: formatPinned({ host, repository }, image.top) };
    const total = image.layers.reduce((sum, { packed }) => sum + packed.size, 0);
    const onProgress = (done: number) => session.out.progress(`fetching ${source}`, done, total);
    await fetchImage(registry, spec, image, { layout, parts: join(scratch, 'parts') }, onProgress);
    return { layout: LAYOUT, digest: image.config };
  } finally {
    await registry.close();
  }
}

async function manifestsOf(
  layout: string,
  found: readonly { readonly name?: string; readonly digest: Digest }[],
): Promise<Parameters<typeof layoutIndex>[0]> {
  return Promise.all(
    found.map(async ({ name, digest }) => {
      const { config, layers } = await readLayoutImage(layout, digest);
      const own = { digest: digestOf(config), size: config.length };
      return { bytes: plainManifest(own, layers), name };
    }),
  );
}

/** The manifest with the images in it. Error: vendor/option-invalid where what it describes runs none. */
export function addImages(manifest: JsonValue, images: readonly JsonValue[]): JsonValue {
  const { service } = isJsonObject(manifest) ? manifest : {};
  if (!isJsonObject(manifest) || !isJsonObject(service) || service.driver !== 'compose') {
    throw withoutImages('only a service of the driver "compose" runs them');
  }
  const own = Array.isArray(service.images) ? service.images : [];
  return { ...manifest, service: { ...service, images: [...own, ...images] } };
}

export function withoutImages(why: string): FairleadError {
  return new FairleadError('vendor/option-invalid', { option: '--image', value: '…', form: `none: ${why}` });
}

/** Whether a file of the tree is one of those that were taken apart. */
export async function isTaken(from: string, taken: readonly string[]): Promise<(path: string) => boolean> {
  const root = await realpath(from);
  const paths = new Set(taken.map((file) => relative(root, file)));
  return (path) => paths.has(path);
}
