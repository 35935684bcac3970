// One generation as a directory: manifest, plan, configuration, the exact bytes of its releases, links to its trees.
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { DOCUMENT_LIMITS } from '../../../shared/encoding/json.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { deploymentManifest, deploymentRecord, plan } from '../../../shared/schema/deployment.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import {
  type CapabilityRelease,
  storedCapabilityRelease,
  type Verified,
} from '../../../shared/schema/release.ts';
import type { StoredGeneration } from '../../ports/deployment-store.ts';

/** Manifests and plans of large instances. */
const LIMITS = { ...DOCUMENT_LIMITS, maxBytes: 16 << 20, maxNodes: 1_000_000 };

/** Errors: document/invalid, json/*, disk/failed, deploy/generation-damaged for a release that is not what was signed. */
export async function readGeneration(directory: string, number: number): Promise<StoredGeneration> {
  const bytesOf = async (name: string) => {
    const bytes = await readIfPresent(join(directory, name));
    if (bytes === null) throw new FairleadError('deploy/generation-damaged', { generation: number });
    return bytes;
  };
  const manifest = parseDocumentBytes(
    deploymentManifest,
    await bytesOf('manifest.json'),
    'manifest.json',
    LIMITS,
  );
  const releases = new Map<ComponentKey, Verified<CapabilityRelease>>();
  for (const { component, release } of manifest.components) {
    const bytes = await bytesOf(`releases/${component}.json`);
    if (digestOf(bytes) !== release) {
      throw new FairleadError('deploy/generation-damaged', { generation: number });
    }
    const document = parseDocumentBytes(storedCapabilityRelease, bytes, `releases/${component}.json`);
    releases.set(component, { document, bytes, digest: release });
  }
  const record = await readIfPresent(join(directory, 'record.json'));
  const committedBy = record === null ? null : parseDocumentBytes(deploymentRecord, record, 'record.json').id;
  return {
    number,
    manifest,
    config: parseDocumentBytes(instanceConfig, await bytesOf('config.json'), 'config.json', LIMITS),
    plan: parseDocumentBytes(plan, await bytesOf('plan.json'), 'plan.json', LIMITS),
    releases,
    healthy: committedBy !== null,
    committedBy,
  };
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
  await write('manifest.json', jsonBytes(generation.manifest));
  await write('plan.json', jsonBytes(generation.plan));
  await write('config.json', jsonBytes(generation.config));
  for (const [component, release] of generation.releases) {
    await write(`releases/${component}.json`, release.bytes);
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

export function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await makeDirectory(dirname(path));
  await writeFile(path, bytes, { mode: 0o600, flush: true });
  await syncDirectory(dirname(path));
}
