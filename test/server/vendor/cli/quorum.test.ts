// Roles that need several people: what waits, who completes it, and how keys are exchanged.
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createVendor, openAndBuild, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
let secondKey: string;
let published: ReadonlyMap<string, Uint8Array>;

/** Two of two must sign releases; the second key is another person's and lies elsewhere. */
beforeAll(async () => {
  vendor = await createVendor('--quorum', 'releases=2/2');
  secondKey = join(vendor.directory, 'second.json');
  await rename(join(vendor.directory, 'workspace/keys/releases-2.json'), secondKey);
  await cp(join(vendor.directory, 'workspace'), join(vendor.directory, 'saved'), { recursive: true });
  published = new Map(vendor.server.files);
});
afterAll(() => vendor.close());

/** Every test begins with the fresh workspace and what it had published. */
beforeEach(async () => {
  await rm(join(vendor.directory, 'workspace'), { recursive: true });
  await cp(join(vendor.directory, 'saved'), join(vendor.directory, 'workspace'), { recursive: true });
  vendor.server.files.clear();
  for (const [path, bytes] of published) vendor.server.files.set(path, bytes);
});

async function verified(text: string): Promise<string> {
  const id = await openAndBuild(vendor, text);
  await vendor.json('verify', id);
  return id;
}

async function stageOf(id: string): Promise<string | undefined> {
  const { change } = await vendor.json('change', 'show', id);
  return (change as { stages: { stage: string }[] }).stages.at(-1)?.stage;
}

describe('a change that is given up', () => {
  it('is not while its release waits for a signature', async () => {
    const id = await verified('core/auth@1.0.0');
    await vendor.json('release', id);

    expect(await vendor.refusal('change', 'abandon', id, '--reason', 'x')).toBe('vendor/released');
    await vendor.json('sign', '--discard');
    expect(await vendor.json('change', 'abandon', id, '--reason', 'x')).toMatchObject({
      change: { result: 'abandoned' },
    });
  });
});

describe('two of two', () => {
  it('keeps a release with one signature waiting: nothing is published, the change stays', async () => {
    const id = await verified('core/auth@1.0.0');

    const { signed } = await vendor.json('release', id);

    expect(signed).toEqual([{ kind: 'pending', role: 'releases', version: 2, valid: 1, needed: 2 }]);
    expect(await stageOf(id)).toBe('verification');
    expect(vendor.server.files.has('metadata/2.releases.json')).toBe(false);
  });

  it('releases and publishes with the second signature', async () => {
    const id = await verified('core/auth@1.0.0');
    await vendor.json('release', id);

    const { signed, changes } = await vendor.json('sign', '--key', secondKey);

    expect(signed).toEqual([{ kind: 'signed', role: 'releases', version: 2 }]);
    expect(changes).toEqual([{ id, stage: 'release' }]);
    expect(vendor.server.files.has('metadata/2.releases.json')).toBe(true);
  });

  it('says again what is missing when the first person repeats the release', async () => {
    const id = await verified('core/auth@1.0.0');
    await vendor.json('release', id);

    const { signed } = await vendor.json('release', id);

    expect(signed).toMatchObject([{ kind: 'pending', valid: 1, needed: 2 }]);
  });

  it('refuses another release while one waits, so that no signature is lost', async () => {
    const first = await verified('core/auth@1.0.0');
    const second = await verified('core/api@1.0.0');
    await vendor.json('release', first);

    expect(await vendor.refusal('release', second)).toBe('vendor/signatures-pending');
  });

  it('gives up what waits on request', async () => {
    const first = await verified('core/auth@1.0.0');
    const second = await verified('core/api@1.0.0');
    await vendor.json('release', first);

    const { discarded } = await vendor.json('sign', '--discard');

    expect(discarded).toEqual(['releases']);
    expect((await vendor.json('release', second)).signed).toMatchObject([{ kind: 'pending' }]);
  });

  it('does not count a key that the role does not name', async () => {
    const id = await verified('core/auth@1.0.0');
    await vendor.json('release', id);
    const stranger = join(vendor.directory, 'stranger.json');
    await vendor.json('key', 'create', stranger, '--role', 'releases', '--label', 'stranger');

    expect(await vendor.refusal('sign', '--key', stranger)).toBe('vendor/no-key');
  });
});

describe('exchanging keys', () => {
  it('lets a new person sign in place of another', async () => {
    const anna = join(vendor.directory, 'anna.json');
    await vendor.json('key', 'create', anna, '--role', 'releases', '--label', 'anna');
    const before = (await vendor.json('key', 'list')).roles as {
      role: string;
      keys: { keyid: string; file: string | null }[];
    }[];
    const gone =
      before.find(({ role }) => role === 'releases')?.keys.find(({ file }) => file === null)?.keyid ?? '';

    const { published } = await vendor.json(
      'key',
      'rotate',
      'releases',
      '--add',
      anna,
      '--remove',
      gone,
      '--key',
      anna,
    );

    expect(published).toMatchObject({ metadata: 2 });
    const id = await verified('core/auth@1.0.0');
    expect((await vendor.json('release', id, '--key', anna)).signed).toMatchObject([{ kind: 'signed' }]);
  });

  it('publishes nothing until the role is signed by its new keys', async () => {
    const anna = join(vendor.directory, 'anna.json');
    await vendor.json('key', 'create', anna, '--role', 'releases', '--label', 'anna');
    const before = vendor.server.publications();

    await vendor.json('key', 'rotate', 'releases', '--add', anna, '--threshold', '3', '--key', anna);
    expect(vendor.server.publications()).toBe(before);
    await vendor.json('sign', '--key', secondKey);

    expect(vendor.server.files.has('metadata/2.targets.json')).toBe(true);
    expect(vendor.server.files.has('metadata/2.releases.json')).toBe(true);
  });

  it('replaces the root key with the signatures of both', async () => {
    const { signed } = await vendor.json('key', 'rotate', 'root');

    expect(signed).toEqual([{ kind: 'signed', role: 'root', version: 2 }]);
    const root = JSON.parse(await vendor.read('workspace/repository/metadata/2.root.json'));
    expect(root.signatures).toHaveLength(2);
  });

  it('finds nothing to do when the server still has its keys', async () => {
    expect((await vendor.json('key', 'rotate', 'timestamp')).signed).toEqual([]);
  });
});

describe('renewal', () => {
  it('signs the roles that expire soon, and only those', async () => {
    vendor.clock.aheadMs += 160 * 86_400_000;

    const { signed } = await vendor.json('renew', '--key', secondKey);

    expect((signed as { role: string }[]).map(({ role }) => role)).toEqual(['security', 'halts', 'releases']);
  });
});
