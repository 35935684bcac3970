// The repository as any TUF client sees it: an independent one verifies it and downloads every document.
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVendor, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
beforeAll(async () => {
  vendor = await createVendor('--quorum', 'root=2/3', '--quorum', 'releases=2/2');
  const id = await vendor.release('core/auth@1.0.1');
  await vendor.json('rollout', 'start', id, '--waves', '10%,100%@PT1H');
  await vendor.release('core@1.0.0', { capabilities: { auth: '~1.0.0' } });
  await vendor.release('platform@1.0.0', { suites: { core: '1.0.0' } });
  await vendor.json('rollout', 'halt', id, '--reason', 'errors');
  await vendor.json(
    ...['advisory', 'publish', '--id', 'FL-2026-1', '--severity', 'high', '--title', 'Token reuse'],
    ...['--affected', 'core/auth:<1.0.1', '--fixed', 'core/auth@1.0.1'],
  );
});
afterAll(() => vendor.close());

const TARGETS = [
  'capabilities/core/auth/1.0.1.json',
  'rollouts/stable/capabilities/core/auth/1.0.1.json',
  'suites/core/1.0.0.json',
  'platform/1.0.0.json',
  'advisories/FL-2026-1.json',
];

async function createClient(name: string): Promise<Updater> {
  const metadataDir = join(vendor.directory, name);
  const targetDir = join(metadataDir, 'targets');
  await mkdir(targetDir, { recursive: true });
  const root = join(vendor.directory, 'workspace/repository/metadata/1.root.json');
  await copyFile(root, join(metadataDir, 'root.json'));
  const base = `${vendor.server.url}/repository`;
  return new Updater({
    metadataDir,
    metadataBaseUrl: `${base}/metadata`,
    targetDir,
    targetBaseUrl: `${base}/targets`,
  });
}

describe('tuf-js', () => {
  it.each(TARGETS)('verifies and downloads %s', async (path) => {
    const client = await createClient(`client-${TARGETS.indexOf(path)}`);
    await client.refresh();

    const target = await client.getTargetInfo(path);

    expect(target?.custom).toMatchObject({ kind: expect.any(String), name: expect.any(String) });
    const file = await client.downloadTarget(target!);
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveProperty('schema');
  });

  it('finds the halt by the digest of the release', async () => {
    const client = await createClient('client-halt');
    const { change } = await vendor.json('change', 'show', 'core/auth@1.0.1');
    const digest = (change as { release: string }).release.slice('sha256:'.length);

    expect(await client.getTargetInfo(`halts/${digest}.json`)).toBeDefined();
  });

  it('follows keys that were exchanged', async () => {
    const client = await createClient('client-rotated');
    await client.refresh();
    await vendor.json('key', 'rotate', 'security');
    await vendor.json('key', 'rotate', 'targets');

    const again = await createClient('client-rotated-again');

    expect(await again.getTargetInfo('advisories/FL-2026-1.json')).toBeDefined();
    expect(await again.getTargetInfo('platform/1.0.0.json')).toBeDefined();
  });

  it('finds nothing outside what a role may say', async () => {
    const client = await createClient('client-absent');

    expect(await client.getTargetInfo('advisories/other.json')).toBeUndefined();
  });
});
