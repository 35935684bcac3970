// An image out of a registry, into a layout: every document and layer held to the digest that names it, what broke off taken up again.
import { createReadStream } from 'node:fs';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createDigester, type Digest, digestOf, hexOf } from '../../encoding/digest.ts';
import { isDiskFull } from '../../errors/error.ts';
import { blobPath } from '../../schema/drivers/images.ts';
import {
  type Descriptor,
  findUnusable,
  type ImageManifest,
  imageConfig,
  imageIndex,
  imageManifest,
  MAX_IMAGE_DOCUMENT_BYTES,
  readImageDocument,
  selectManifest,
} from '../../schema/image-documents.ts';
import { findMisfit } from '../../schema/image-platform.ts';
import { writeDurably } from '../durable-file.ts';
import { isPresent } from '../read-file.ts';
import { drop } from '../way-out.ts';
import { writePlainLayer } from './plain-layer.ts';
import { describeStatus, type Registry, readBounded } from './registry.ts';

export interface PullSpec {
  /** For people. */
  readonly host: string;
  readonly repository: string;
  /** A tag, or a digest that the answer has to have. */
  readonly reference: string;
  /** The machines that it is for; the first of them that there is one for. */
  readonly platforms: readonly string[];
}

export interface FoundImage {
  /** Of what the reference leads to: an index, where it has one. */
  readonly top: Digest;
  readonly config: Digest;
  readonly configBytes: Uint8Array;
  /** As the registry has them, lowest first, each with its digest unpacked. */
  readonly layers: readonly { readonly packed: Descriptor; readonly plain: Digest }[];
}

const TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');
const ATTEMPTS = 4;
const PAUSE_MS = 250;
/** After its first minute a download must have come on by as much, or it never ends. */
const LEAST_BYTES_A_SECOND = 1024;
const GRACE_MS = 60_000;

/** What the reference leads to for the platform; no layer is fetched. Throws an error that says what is wrong. */
export async function findImageIn(registry: Registry, spec: PullSpec): Promise<FoundImage> {
  const bytes = await readManifest(registry, spec, spec.reference);
  const top = digestOf(bytes);
  const manifest = await manifestFor(registry, spec, bytes);
  const unusable = findUnusable(manifest);
  if (unusable !== null) throw unfit(unusable);
  const configBytes = await readSmallBlob(registry, spec, manifest.config);
  const config = readImageDocument(imageConfig, configBytes);
  const plain = config?.rootfs.diff_ids;
  // What an index says of it is not what decides whether it runs.
  const misfit = findMisfit(config ?? {}, spec.platforms);
  if (misfit !== null) throw unfit(misfit);
  if (plain?.length !== manifest.layers.length) {
    throw unfit('its configuration and its manifest name different layers');
  }
  const layers = manifest.layers.map((packed, at) => ({ packed, plain: plain[at] as Digest }));
  return { top, config: manifest.config.digest, configBytes, layers };
}

/** Fetches the layers that `layout` lacks. `parts` keeps what broke off. Throws an error that says what is wrong. */
export async function fetchImage(
  registry: Registry,
  spec: PullSpec,
  image: FoundImage,
  { layout, parts }: { readonly layout: string; readonly parts: string },
  onProgress: (bytes: number) => void = () => undefined,
): Promise<void> {
  await mkdir(parts, { recursive: true });
  const written: string[] = [];
  try {
    for (const { packed, plain } of image.layers) {
      const path = join(layout, blobPath(plain));
      if (await isPresent(path)) continue;
      const part = join(parts, hexOf(packed.digest));
      written.push(part);
      await download(registry, spec, packed, part, onProgress);
      await writePlainLayer(layout, plain, () => createReadStream(part));
      await rm(part);
      written.push(path);
    }
    const path = join(layout, blobPath(image.config));
    await mkdir(dirname(path), { recursive: true });
    await writeDurably(path, image.configBytes);
  } catch (error) {
    // Half an image would keep a full disk full.
    if (isDiskFull(error)) for (const path of written) await rm(path, { force: true });
    throw error;
  }
}

async function readManifest(
  registry: Registry,
  { host, repository }: PullSpec,
  reference: string,
): Promise<Buffer> {
  const answer = await registry.ask(repository, `manifests/${reference}`, { accept: TYPES });
  if (answer.status !== 200) {
    await drop(answer);
    throw new Error(describeStatus(answer, host, `${repository} as ${reference}`));
  }
  const bytes = await readBounded(answer, MAX_IMAGE_DOCUMENT_BYTES);
  if (reference.startsWith('sha256:') && digestOf(bytes) !== reference) throw lied(host, reference);
  return bytes;
}

async function manifestFor(registry: Registry, spec: PullSpec, bytes: Buffer): Promise<ImageManifest> {
  const index = readImageDocument(imageIndex, bytes);
  const chosen = index === null ? null : selectManifest(index, spec.platforms);
  if (index !== null && chosen === null) {
    throw unfit(`it is for other platforms than ${spec.platforms.join(' or ')}`);
  }
  const own = chosen === null ? bytes : await readManifest(registry, spec, chosen.digest);
  const manifest = readImageDocument(imageManifest, own);
  if (manifest === null)
    throw unfit('it is described in a way that is not read: an image of schema 2 is needed');
  return manifest;
}

async function readSmallBlob(
  registry: Registry,
  { host, repository }: PullSpec,
  blob: Descriptor,
): Promise<Buffer> {
  const answer = await registry.ask(repository, `blobs/${blob.digest}`, {});
  if (answer.status !== 200) {
    await drop(answer);
    throw new Error(describeStatus(answer, host, blob.digest));
  }
  const bytes = await readBounded(answer, MAX_IMAGE_DOCUMENT_BYTES);
  if (digestOf(bytes) !== blob.digest) throw lied(host, blob.digest);
  return bytes;
}

/** Into a file, from where an earlier attempt ended. */
async function download(
  registry: Registry,
  spec: PullSpec,
  blob: Descriptor,
  part: string,
  onProgress: (bytes: number) => void,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await downloadOnce(registry, spec, blob, part, onProgress);
      break;
    } catch (error) {
      if (attempt === ATTEMPTS || (error instanceof Error && 'isFinal' in error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
    }
  }
  const digester = createDigester();
  for await (const piece of createReadStream(part, { highWaterMark: 1 << 20 }))
    digester.update(piece as Buffer);
  if (digester.end() === blob.digest) return;
  // What is wrong in it nobody knows: from the start next time.
  await rm(part);
  throw lied(spec.host, blob.digest);
}

async function downloadOnce(
  registry: Registry,
  { host, repository }: PullSpec,
  { digest, size }: Descriptor,
  part: string,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const had = await stat(part).then(
    ({ size: length }) => length,
    () => 0,
  );
  if (had === size && had > 0) return;
  const from = had < size ? had : 0;
  const answer = await registry.ask(
    repository,
    `blobs/${digest}`,
    from === 0 ? {} : { range: `bytes=${from}-` },
  );
  const goesOn =
    answer.status === 206 && answer.headers.get('content-range')?.startsWith(`bytes ${from}-`) === true;
  if (!goesOn && answer.status !== 200) {
    await drop(answer);
    const problem = new Error(describeStatus(answer, host, digest));
    throw answer.status >= 400 && answer.status < 429 ? Object.assign(problem, { isFinal: true }) : problem;
  }
  const out = await open(part, goesOn ? 'a' : 'w', 0o600);
  try {
    let length = goesOn ? from : 0;
    const begun = performance.now();
    let came = 0;
    for await (const piece of answer.body ?? []) {
      length += piece.length;
      came += piece.length;
      if (length > size) throw Object.assign(lied(host, digest), { isFinal: true });
      await out.writeFile(piece);
      onProgress(length);
      const ms = performance.now() - begun - GRACE_MS;
      if (came < (ms / 1000) * LEAST_BYTES_A_SECOND) throw new Error(`${host} sends too slowly`);
    }
    if (length < size) throw new Error(`${host} broke off in the middle of ${digest}`);
    await out.sync();
  } finally {
    await out.close();
  }
}

/** Nothing is wrong with the registry, or the way to it: the image is not one that can be run. */
export function isUnfit(error: unknown): boolean {
  return error instanceof Error && 'isUnfit' in error;
}

function unfit(problem: string): Error {
  return Object.assign(new Error(problem), { isUnfit: true });
}

function lied(host: string, digest: string): Error {
  return new Error(`${host} gives something else as ${digest}`);
}
