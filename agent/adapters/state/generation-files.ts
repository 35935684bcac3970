// One generation as a directory: manifest, plan, configuration, the exact bytes of its releases, links to its trees.
import { mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { fromUtf8, utf8 } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestFromHex, digestOf } from '../../../shared/encoding/digest.ts';
import { FairleadError, isFairleadError, systemCode } from '../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { absentOr, isMomentary, readIfPresent } from '../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { deploymentManifest, deploymentRecord, plan } from '../../../shared/schema/deployment.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import {
  type CapabilityRelease,
  storedCapabilityRelease,
  type Verified,
} from '../../../shared/schema/release.ts';
import { encodeStored, parseStored } from '../../../shared/schema/stored-document.ts';
import type { StoredGeneration } from '../../ports/state.ts';

/** Every document of the generation by its file's name, as text. */
const spareFile = z.record(z.string(), z.string());
const SPARE = 'spare.json';

/**
 * A file that is damaged or gone is mended from the spare copies. `commitOf` says which deployment committed it where the
 * record in it is damaged. Errors: document/invalid, json/*, disk/unreadable, deploy/generation-damaged for a release that
 * is not what was signed.
 */
export async function readGeneration(
  directory: string,
  number: number,
  commitOf: () => Promise<number | null>,
): Promise<StoredGeneration> {
  const read = <Value>(name: string, parse: (bytes: Uint8Array) => Value) =>
    readOrMend(directory, number, name, parse);
  const manifest = await read('manifest.json', (bytes) =>
    parseStored(deploymentManifest, bytes, 'manifest.json'),
  );
  const releases = new Map<ComponentKey, Verified<CapabilityRelease>>();
  for (const { component, release } of manifest.components) {
    const name = `releases/${component}.json`;
    const found = await read(name, (bytes) => {
      if (digestOf(bytes) !== release)
        throw new FairleadError('deploy/generation-damaged', { generation: number });
      return { document: parseDocumentBytes(storedCapabilityRelease, bytes, name), bytes, digest: release };
    });
    releases.set(component, found);
  }
  const committedBy = await readCommit(join(directory, 'record.json'), commitOf);
  return {
    number,
    manifest,
    config: await read('config.json', (bytes) => parseStored(instanceConfig, bytes, 'config.json')),
    plan: await read('plan.json', (bytes) => parseStored(plan, bytes, 'plan.json')),
    releases,
    healthy: committedBy !== null,
    committedBy,
  };
}

async function readOrMend<Value>(
  directory: string,
  number: number,
  name: string,
  parse: (bytes: Uint8Array) => Value,
): Promise<Value> {
  const path = join(directory, name);
  try {
    const bytes = await readIfPresent(path);
    if (bytes === null) throw new FairleadError('deploy/generation-damaged', { generation: number });
    return parse(bytes);
  } catch (error) {
    if (!isFairleadError(error) || isMomentary(error)) throw error;
    const spare = await readSpare(directory, name);
    if (spare === null) throw error;
    const value = parse(spare);
    // The copy is enough to go on with: a disk too full to mend the file stops nothing.
    await makeDirectory(dirname(path)).catch(() => undefined);
    await writeDurably(path, spare).catch(() => undefined);
    return value;
  }
}

/** Null where there is none: a generation of an earlier version has none. */
async function readSpare(directory: string, name: string): Promise<Uint8Array | null> {
  try {
    const bytes = await readIfPresent(join(directory, SPARE));
    const text = bytes === null ? undefined : parseStored(spareFile, bytes, SPARE)[name];
    return text === undefined ? null : utf8(text);
  } catch (error) {
    if (isMomentary(error)) throw error;
    return null;
  }
}

async function readCommit(path: string, commitOf: () => Promise<number | null>): Promise<number | null> {
  try {
    const bytes = await readIfPresent(path);
    return bytes === null ? null : parseStored(deploymentRecord, bytes, path).id;
  } catch (error) {
    if (!isFairleadError(error) || isMomentary(error)) throw error;
    return commitOf();
  }
}

/** Written aside, synced, then renamed: the directory is there whole or not at all. */
export async function writeGeneration(
  directory: string,
  generation: StoredGeneration,
  treeDirectoryOf: (tree: Digest) => string,
): Promise<void> {
  const aside = join(dirname(directory), `.${generation.number}.tmp`);
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { mode: 0o700 });
  const write = (name: string, bytes: Uint8Array) => writeSynced(join(aside, name), bytes);
  const documents = documentsOf(generation);
  for (const [name, bytes] of documents) await write(name, bytes);
  await write(SPARE, spareOf(documents));
  for (const [component, release] of generation.releases) {
    const link = join(aside, 'app', component);
    await makeDirectory(dirname(link));
    // Relative, and counted from where the generation will stand: the state directory may be moved.
    const final = join(directory, 'app', component);
    await symlink(relative(dirname(final), treeDirectoryOf(release.document.tree.digest)), link);
    await syncDirectory(dirname(link));
  }
  await syncDirectory(aside);
  await rename(aside, directory);
  await syncDirectory(dirname(directory));
}

/** What the links of a generation lead to, for one of which nothing else can be read. Error: disk/unreadable. */
export async function readLinkedTrees(directory: string): Promise<readonly Digest[]> {
  const app = join(directory, 'app');
  const links: string[] = [];
  for (const suite of await orNothing(app, readdir(app), [])) {
    const place = join(app, suite);
    for (const name of await orNothing(place, readdir(place), [])) links.push(join(place, name));
  }
  const targets = await Promise.all(links.map((link) => orNothing(link, readlink(link), '')));
  return targets.flatMap((target) => {
    // A tree may stand beside its own place, under a number.
    const hex = /[/]trees[/]([0-9a-f]{64})(?:[./]|$)/.exec(target)?.[1];
    return hex === undefined ? [] : [digestFromHex(hex)];
  });
}

/** No directory, or no link: it will say as little whenever it is asked. */
const OTHERWISE: ReadonlySet<string> = new Set(['ENOTDIR', 'EINVAL']);

async function orNothing<Found>(path: string, asked: Promise<Found>, nothing: Found): Promise<Found> {
  return asked.catch((cause: unknown) =>
    OTHERWISE.has(systemCode(cause)) ? nothing : absentOr(path, cause, nothing),
  );
}

/** The names of what is written of it but for its record, which may be missing. */
export function filesOf({ releases }: Pick<StoredGeneration, 'releases'>): readonly string[] {
  const ofReleases = [...releases.keys()].map((component) => `releases/${component}.json`);
  return ['manifest.json', 'plan.json', 'config.json', ...ofReleases, SPARE];
}

function documentsOf(generation: StoredGeneration): ReadonlyMap<string, Uint8Array> {
  const { manifest, config, releases } = generation;
  const documents = new Map([
    ['manifest.json', encodeStored(deploymentManifest, manifest, 'manifest.json')],
    ['plan.json', encodeStored(plan, generation.plan, 'plan.json')],
    ['config.json', encodeStored(instanceConfig, config, 'config.json')],
  ]);
  for (const [component, { bytes }] of releases) documents.set(`releases/${component}.json`, bytes);
  return documents;
}

function spareOf(documents: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const texts = [...documents].map(([name, bytes]) => [name, fromUtf8(bytes)]);
  return encodeStored(spareFile, Object.fromEntries(texts), SPARE);
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await makeDirectory(dirname(path));
  await writeFile(path, bytes, { mode: 0o600, flush: true });
  await syncDirectory(dirname(path));
}
