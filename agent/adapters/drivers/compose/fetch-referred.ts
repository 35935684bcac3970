// Fetches an image for this machine: from where the operator says, as whom the operator says, blaming no release for either.
import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { fillReferences, referenceKey, referencesIn } from '../../../../shared/compile/references.ts';
import { type Digest, hexOf } from '../../../../shared/encoding/digest.ts';
import { createSecrets, type Secrets } from '../../../../shared/encoding/redact.ts';
import { FairleadError, isFairleadError, systemCode, toDiskError } from '../../../../shared/errors/error.ts';
import { makeDirectory } from '../../../../shared/node/durable-file.ts';
import {
  type FoundImage,
  fetchImage,
  findImageIn,
  isUnfit,
  type PullSpec,
} from '../../../../shared/node/images/pull.ts';
import {
  createRegistry,
  type Login,
  type Registry,
  urlOfRegistry,
} from '../../../../shared/node/images/registry.ts';
import { readDockerLogin } from '../../../../shared/node/images/registry-login.ts';
import { isPresent } from '../../../../shared/node/read-file.ts';
import type { Pulled } from '../../../../shared/schema/deployment.ts';
import { type ImageRef, parseImageRef } from '../../../../shared/schema/drivers/image-ref.ts';
import { blobPath } from '../../../../shared/schema/drivers/images.ts';
import type { Descriptor } from '../../../../shared/schema/image-documents.ts';
import type { InstanceConfig, OperatorText } from '../../../../shared/schema/instance.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import type { Unanswered } from '../../../ports/server.ts';
import { readReference, toolEnvironment } from '../../machine/surroundings.ts';
import { engineDirectory, refusalOf } from './docker.ts';

/** Docker's own place for what the whole machine uses. */
const DOCKER_CONFIG = '/etc/docker';

/** What an image consists of, by its digests. */
export interface ReferredParts {
  readonly config: Digest;
  /** As the registry has them and unpacked, lowest first. */
  readonly layers: { readonly packed: Digest; readonly plain: Digest }[];
}

interface Places {
  readonly layout: string;
  readonly parts: string;
}

/** For a registry, until the signal aborts; hears what came once it is whole, unless a part of it was here before. */
export interface Waiting {
  readonly signal?: AbortSignal | undefined;
  readonly onPulled?: ((pulled: Pulled) => void) | undefined;
}

interface Hearing extends Waiting {
  /** Is told what it consists of before it is fetched. */
  readonly onFound: (parts: ReferredParts) => Promise<void>;
}

/** Errors: service/start-failed, service/manager-failed, disk/*. */
export async function fetchReferred(
  unit: UnitOf<'compose'>,
  ref: string,
  platforms: readonly string[],
  places: Places,
  { onFound, onPulled, signal }: Hearing,
): Promise<Digest> {
  const parsed = parseImageRef(ref);
  if (parsed === null || parsed.digest === null) throw refusalOf(unit, `${ref} names no image by its digest`);
  let asked = parsed.host;
  const secrets = createSecrets();
  try {
    const onPlace = (host: string, login: Login | null) => {
      asked = host;
      if (login !== null) secrets.learn(login.password);
    };
    const asking = { registries: unit.registries, platforms, signal, onPlace };
    return await askFor({ ...parsed, digest: parsed.digest }, asking, async (registry, spec, image) => {
      const layers = image.layers.map(({ packed, plain }) => ({ packed: packed.digest, plain }));
      await onFound({ config: image.config, layers });
      await makeDirectory(places.layout);
      await requireRoom(places.layout, image);
      const { bytes, came } = await weigh(image.layers, places);
      const begun = performance.now();
      await fetchImage(registry, spec, image, places);
      // What is gone on with is hashed and unpacked from its start: its last bytes would pass for a slow registry.
      if (bytes > 0 && came === 0) onPulled?.({ bytes, ms: Math.round(performance.now() - begun) });
      return image.config;
    });
  } catch (cause) {
    throw failure(unit, { ref, host: asked, path: places.layout }, cause, secrets);
  }
}

/** Nobody waits for it; but a registry that says nothing is not held on to for longer. */
const WEIGH_MS = 30_000;

/** As much of a layer as weighing it takes, packed and by its digest unpacked. */
export interface WeighedLayer {
  readonly packed: Pick<Descriptor, 'digest' | 'size'>;
  readonly plain: Digest;
}

/** What it consists of, by a registry's word. Throws what keeps the registry from being asked. */
export async function layersOf(
  ref: string,
  { registries, platforms }: Pick<Asking, 'registries' | 'platforms'>,
): Promise<readonly WeighedLayer[] | Unanswered> {
  const signal = AbortSignal.timeout(WEIGH_MS);
  let isAsked = false;
  const onPlace = () => {
    isAsked = true;
  };
  const parsed = parseImageRef(ref);
  if (parsed === null || parsed.digest === null) throw new Error(`${ref} names no image by its digest`);
  const asking = { registries, platforms, signal, onPlace };
  try {
    return await askFor({ ...parsed, digest: parsed.digest }, asking, async (_registry, _spec, { layers }) =>
      layers.map(({ packed: { digest, size }, plain }) => ({ packed: { digest, size }, plain })),
    );
  } catch (cause) {
    if (isAsked) return { kind: 'unanswered', cause };
    throw cause;
  }
}

/** Bytes that would come, without those that are here. */
export async function weighAbsent(layers: readonly WeighedLayer[], places: Places): Promise<number> {
  const { bytes, came } = await weigh(layers, places);
  return bytes - came;
}

/** Of the layers that are not here: all of their bytes, and those that came before the download broke off. */
async function weigh(
  layers: readonly WeighedLayer[],
  { layout, parts }: Places,
): Promise<{ readonly bytes: number; readonly came: number }> {
  const absent = await absentLayers(layout, layers);
  const came = absent.map(async ({ digest, size }) => {
    const part = await stat(join(parts, hexOf(digest))).catch(() => ({ size: 0 }));
    return Math.min(part.size, size);
  });
  return { bytes: sumOf(absent.map(({ size }) => size)), came: sumOf(await Promise.all(came)) };
}

interface Asking {
  readonly registries: InstanceConfig['registries'];
  readonly platforms: readonly string[];
  readonly signal: AbortSignal | undefined;
  /** Where it is asked, and as whom. */
  readonly onPlace: (host: string, login: Login | null) => void;
}

async function askFor<Result>(
  { host: named, repository, digest }: ImageRef & { readonly digest: Digest },
  { registries, platforms, signal, onPlace }: Asking,
  use: (registry: Registry, spec: PullSpec, image: FoundImage) => Promise<Result>,
): Promise<Result> {
  const { url, login, prefix } = await placeOf(named, registries);
  const { host } = new URL(url);
  onPlace(host, login);
  const registry = createRegistry({ url, login }, process.env, signal);
  try {
    const spec = { host, repository: `${prefix}${repository}`, reference: digest, platforms };
    return await use(registry, spec, await findImageIn(registry, spec));
  } finally {
    await registry.close();
  }
}

async function placeOf(
  host: string,
  registries: UnitOf<'compose'>['registries'] = {},
): Promise<{ readonly url: string; readonly login: Login | null; readonly prefix: string }> {
  const { mirror, user, password } = registries[host] ?? {};
  const url = mirror === undefined ? null : new URL(mirror);
  const path = (url?.pathname ?? '').replace(/^\/+|\/+$/g, '');
  // A login is for the place that is asked: what is kept for the registry itself is none of a mirror's business.
  const login =
    user !== undefined && password !== undefined
      ? { user, password: await readKept(password) }
      : await readDockerLogin(url?.host ?? host, { ...toolEnvironment(), DOCKER_CONFIG });
  return { url: url?.origin ?? urlOfRegistry(host), login, prefix: path === '' ? '' : `${path}/` };
}

/** Only for the place that is asked: one that cannot be read holds up nothing else. Error: setting/unreadable. */
async function readKept(kept: OperatorText): Promise<string> {
  const values = new Map<string, string>();
  for (const reference of referencesIn({ kept })) {
    values.set(referenceKey(reference), (await readReference(reference)).trimEnd());
  }
  return String(fillReferences({ kept }, values).kept);
}

/** As much as layers of images usually become; how much it is stands nowhere. */
const UNPACKED = 3;

/**
 * At most one layer is there packed as well, and an engine on the same disk unpacks all of them once more. `packed` are the
 * sizes of the layers that are not here yet.
 */
export function bytesToFetch(packed: readonly number[], sharesDisk: boolean): number {
  return Math.max(0, ...packed) + UNPACKED * sumOf(packed) * (sharesDisk ? 2 : 1);
}

function sumOf(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}

/** One layer may be there more than once. */
async function absentLayers(
  layout: string,
  layers: readonly WeighedLayer[],
): Promise<readonly WeighedLayer['packed'][]> {
  const absent = new Map<string, WeighedLayer['packed']>();
  for (const { packed, plain } of layers) {
    if (!(await isPresent(join(layout, blobPath(plain))))) absent.set(plain, packed);
  }
  return [...absent.values()];
}

/** As far as it is known before anything is fetched. Error: disk/full. */
async function requireRoom(path: string, image: FoundImage): Promise<void> {
  const absent = (await absentLayers(path, image.layers)).map(({ size }) => size);
  const deviceOf = (one: string) => stat(one).then(({ dev }) => dev);
  // An engine behind an address may keep its images on another machine.
  const engine = await deviceOf(await engineDirectory()).catch(() => null);
  const needed = bytesToFetch(absent, engine === (await deviceOf(path)));
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize < needed) throw new FairleadError('disk/full', { path, needed, free: bavail * bsize });
}

const OF_THE_DISK = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EACCES'];

/** No release is to blame for a registry, the way to it, or a login. */
function failure(
  unit: UnitOf<'compose'>,
  { ref, host, path }: { readonly ref: string; readonly host: string; readonly path: string },
  cause: unknown,
  { redact }: Secrets,
): FairleadError {
  if (isFairleadError(cause)) return cause;
  // Whoever was told a password may say it again.
  const problem = redact(cause instanceof Error ? cause.message : 'it cannot be had');
  if (isUnfit(cause)) return refusalOf(unit, `the image ${ref} cannot be run here: ${problem}`);
  if (OF_THE_DISK.includes(systemCode(cause))) return toDiskError(path, cause);
  return new FairleadError('service/manager-failed', { manager: `the registry ${host}`, problem });
}
