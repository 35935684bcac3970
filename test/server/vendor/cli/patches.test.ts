// Patches from the vendor's command line: made of the packs at hand, sent before the release, never a reason for a release to fail.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { readTried } from '../../../../server/vendor/workspace/patches.ts';
import { digestFromHex, hexOf } from '../../../../shared/encoding/digest.ts';
import { maxPatchBytes } from '../../../../shared/protocol/patches.ts';
import { packPath } from '../../../../shared/protocol/publication.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import { patternedBytes } from '../../../support/directories.ts';
import { createVendor, openAndBuild, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
beforeAll(async () => {
  vendor = await createVendor();
});
afterAll(() => vendor.close());

const BULK = patternedBytes(200_000, 'bulk');
const STATE = patternedBytes(30_000, 'state');

/** Stages 1 to 3 of a release with a large file that is always the same. */
async function verified(version: string, bulk: Uint8Array = BULK, more: object = {}): Promise<string> {
  const sources = join(vendor.directory, `core-auth-${version}`);
  await mkdir(join(sources, 'cache'), { recursive: true });
  await writeFile(join(sources, 'bulk'), bulk);
  await writeFile(join(sources, 'cache/state'), STATE);
  const id = await openAndBuild(vendor, `core/auth@${version}`, more);
  await vendor.json('verify', id);
  return id;
}

async function released(version: string, ...more: readonly string[]) {
  const id = await verified(version);
  const answer = await vendor.run('release', id, ...more);
  expect(answer.status, answer.err).toBe(0);
  return answer;
}

const PACKS = () => join(vendor.directory, 'workspace/packs');
/** Each below the one before it: the last two before any of them are 1.0.3 and 1.0.2. */
const candidates = [9, 8, 7, 6].map((n) => `1.0.4-rc.${n}`);

async function treeOf(version: string): Promise<string> {
  for (let n = 1; n <= 20; n++) {
    const id = `CHG-${n}`;
    const text = await vendor.read(`workspace/builds/${id}.json`).catch(() => null);
    const document = text === null ? null : (JSON.parse(text) as CapabilityRelease);
    if (document?.version === version) return hexOf(document.tree.digest);
  }
  throw new Error(`nothing is built as ${version}`);
}

/** From which versions the server has patches to this one. */
async function startsOf(version: string, ...candidates: readonly string[]): Promise<readonly string[]> {
  const to = await treeOf(version);
  const found: string[] = [];
  for (const from of candidates)
    if (vendor.server.files.has(`packs/${to}/patches/${await treeOf(from)}`)) found.push(from);
  return found;
}

// One after the other, as a vendor works: each release adds one to those before it.
describe('a release', () => {
  beforeAll(async () => {
    await released('1.0.0');
    await released('1.0.1');
  }, 60_000);

  it('of which a person wants none has no patches, until they are made up for; none is tried twice', async () => {
    await released('1.0.2', '--patches', '0');
    expect(await startsOf('1.0.2', '1.0.0', '1.0.1')).toEqual([]);

    const { err } = await vendor.run('publish');

    expect(await startsOf('1.0.2', '1.0.0', '1.0.1')).toEqual(['1.0.0', '1.0.1']);
    expect(err).toContain('patch to core/auth@1.0.2 from 1.0.1: ');
    vendor.server.files.delete(`packs/${await treeOf('1.0.2')}/patches/${await treeOf('1.0.1')}`);
    expect((await vendor.run('publish')).err).not.toContain('patch');
  });

  it('of which one is enough, and small, has that from the one before it', async () => {
    await released('1.0.3', '--patches', '1', '--small');

    expect(await startsOf('1.0.3', '1.0.0', '1.0.1', '1.0.2')).toEqual(['1.0.2']);
  });

  it('is sent with patches from the three before it, each small beside the full pack', async () => {
    const { err } = await released('1.0.4');

    expect(await startsOf('1.0.4', '1.0.0', '1.0.1', '1.0.2', '1.0.3')).toEqual(['1.0.1', '1.0.2', '1.0.3']);
    const [to, from] = [await treeOf('1.0.4'), await treeOf('1.0.3')];
    const patch = vendor.server.files.get(`packs/${to}/patches/${from}`);
    const pack = vendor.server.files.get(`packs/${to}/full.pack`);
    expect(patch?.length).toBeLessThan(maxPatchBytes(pack?.length ?? 0) / 50);
    expect(err).toMatch(
      /patch to core\/auth@1\.0\.4 from 1\.0\.3: [\d.]+ (?:B|kB), the full pack has [\d.]+ kB/,
    );
    expect(await readdir(join(vendor.directory, 'workspace/packs'))).not.toContain('.patching');
  });

  it('has those from releases whose packs this workspace lacks or has damaged: they are fetched, and kept', async () => {
    const [lacking, damaged] = [await treeOf('1.0.2'), await treeOf('1.0.3')];
    await rm(join(PACKS(), lacking), { recursive: true });
    await writeFile(join(PACKS(), damaged, 'full.pack'), 'damaged');
    vendor.server.fetched.length = 0;

    const { err } = await released('1.0.5');

    expect(await startsOf('1.0.5', '1.0.2', '1.0.3', '1.0.4')).toEqual(['1.0.2', '1.0.3', '1.0.4']);
    expect(err).not.toContain('no patch');
    expect(vendor.server.fetched.map(({ path }) => path).toSorted()).toEqual(
      [lacking, damaged].map(packPath).toSorted(),
    );
    for (const tree of [lacking, damaged]) {
      const kept = await readFile(join(PACKS(), tree, 'full.pack'));
      expect(kept).toEqual(Buffer.from(vendor.server.files.get(packPath(tree)) ?? []));
    }
  });

  it.each<[string, string, (path: string, response: ServerResponse) => void]>([
    ['is another', 'is damaged', (_, response) => response.end('FLPACK')],
    ['never ends', 'sent more than the', (_, response) => response.end(Buffer.alloc(2 ** 26))],
    ['is gone', 'answered 404', (_, response) => response.writeHead(404).end()],
    ['is said to be elsewhere', 'answered 302', (_, response) => response.writeHead(302).end()],
  ])('comes out without those whose pack %s on the server, and says why', async (_what, why, give) => {
    const tree = await treeOf('1.0.3');
    await rm(join(PACKS(), tree), { recursive: true });
    vendor.server.givePack = give;

    const version = candidates.shift() ?? '';
    const { err } = await released(version, '--patches', '2').finally(() => {
      vendor.server.givePack = null;
    });

    expect(await startsOf(version, '1.0.2', '1.0.3')).toEqual(['1.0.2']);
    expect(err.match(/no patch to .*/g)).toEqual([
      expect.stringMatching(
        new RegExp(`no patch to core/auth@${version} from 1.0.3: .*${why}.*; installs fetch the full pack`),
      ),
    ]);
    expect(await readdir(join(PACKS(), tree))).toEqual([]);
  });

  it('comes out where no pack can be had, which is said once; the next publication goes on where the line broke', async () => {
    const trees = [await treeOf('1.0.4'), await treeOf('1.0.5')];
    for (const tree of trees) await rm(join(PACKS(), tree), { recursive: true, force: true });
    vendor.server.givePack = (path, response) => {
      const pack = vendor.server.files.get(path.slice('/repository/'.length)) ?? new Uint8Array();
      response.writeHead(200, { 'content-length': pack.length });
      response.write(pack.subarray(0, 9_000), () => setTimeout(() => response.destroy(), 50));
    };
    vendor.server.fetched.length = 0;
    const version = '1.0.51';

    const { err } = await released(version, '--patches', '2');

    expect(err.match(/no patch to .*/g)).toEqual([
      expect.stringMatching(/ from 1\.0\.5, 1\.0\.4: .* cannot reach .*later: fairlead-vendor publish/),
    ]);
    expect(vendor.server.fetched).toHaveLength(1);
    vendor.server.givePack = null;
    expect((await vendor.run('publish', '--patches', '2')).status).toBe(0);
    expect(vendor.server.fetched.map(({ range }) => range)).toEqual([undefined, 'bytes=9000-', undefined]);
    expect(await startsOf(version, '1.0.4', '1.0.5')).toEqual(['1.0.4', '1.0.5']);
  });

  it('waits five minutes for packs, whatever the line; a publication for which nobody waits takes its time', async () => {
    const trees = [await treeOf('1.0.4'), await treeOf('1.0.5'), await treeOf('1.0.51')];
    const lose = async () => {
      for (const tree of trees) await rm(join(PACKS(), tree), { recursive: true, force: true });
      vendor.server.fetched.length = 0;
    };
    await lose();
    let late = 0;
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + late);
    vendor.server.givePack = (path, response) => {
      late += 150_000;
      response.end(vendor.server.files.get(path.slice('/repository/'.length)));
    };
    onTestFinished(() => {
      vendor.server.givePack = null;
      vi.restoreAllMocks();
    });

    const { err } = await released('1.0.52', '--patches', '3');

    expect(await startsOf('1.0.52', '1.0.4', '1.0.5', '1.0.51')).toEqual(['1.0.5', '1.0.51']);
    expect(err.match(/no patch to .*/g)).toEqual([
      expect.stringMatching(/ from 1\.0\.4: .* it takes too long .*later: fairlead-vendor publish/),
    ]);
    await lose();
    for (const tree of trees) vendor.server.files.delete(`packs/${await treeOf('1.0.52')}/patches/${tree}`);
    await rm(join(PACKS(), await treeOf('1.0.52'), 'patches.json'));
    expect((await vendor.run('publish', '--patches', '3')).err).not.toContain('no patch');
    expect(await startsOf('1.0.52', '1.0.4', '1.0.5', '1.0.51')).toEqual(['1.0.4', '1.0.5', '1.0.51']);
  });

  it('comes out where the disk has no place for what was fetched, and fetches no other pack in vain', async () => {
    const trees = [await treeOf('1.0.52'), await treeOf('1.0.51')];
    for (const tree of trees) await rm(join(PACKS(), tree), { recursive: true, force: true });
    vendor.server.fetched.length = 0;
    vendor.server.givePack = (path, response) => {
      mkdirSync(join(PACKS(), '.patching'), { recursive: true });
      for (const tree of trees) writeFileSync(join(PACKS(), '.patching', tree), 'in the way');
      response.end(vendor.server.files.get(path.slice('/repository/'.length)));
    };
    onTestFinished(() => void Object.assign(vendor.server, { givePack: null }));

    const { err } = await released('1.0.53', '--patches', '2');

    expect(err.match(/no patch to .*/g)).toEqual([
      expect.stringMatching(/ from 1\.0\.52, 1\.0\.51: .*EEXIST/),
    ]);
    expect(vendor.server.fetched).toHaveLength(1);
  });

  it('has none that would save too little, and nobody is told so: it is no fault', async () => {
    const { err, status } = await vendor.run(
      'release',
      await verified('1.0.6', patternedBytes(200_000, 'other')),
      '--patches',
      '1',
    );

    expect([status, await startsOf('1.0.6', '1.0.5')]).toEqual([0, []]);
    expect(err).not.toMatch(/(?:no |^)patch to/m);
  });

  it('is not thought to be intact where the service of the one before it writes', async () => {
    const writable = ['cache'];
    for (const version of ['1.1.0', '1.1.1']) {
      await vendor.run('release', await verified(version, BULK, { writable }), '--patches', '1');
    }

    const patch = vendor.server.files.get(`packs/${await treeOf('1.1.1')}/patches/${await treeOf('1.1.0')}`);
    // `cache/state` is in it.
    expect(patch?.length).toBeGreaterThan(10_000);
  });

  it('comes out without one that installs would refuse, says whose fault it is, and does not try it again', async () => {
    const id = await verified('1.1.2', patternedBytes(200_000, 'third'));
    const patching = join(vendor.directory, 'workspace/packs/.patching');
    let damaged = 0;
    vendor.bystander.hears = (text) => {
      if (!text.startsWith('making a patch to core/auth@1.1.2')) return;
      for (const name of readdirSync(patching).filter((one) => one.endsWith('.patch.tmp'))) {
        writeFileSync(join(patching, name), 'FLPATCH1\n', { flag: 'r+' });
        damaged++;
      }
    };
    onTestFinished(() => void Object.assign(vendor.bystander, { hears: () => undefined }));

    const { status, err } = await vendor.run('release', id, '--patches', '1');

    expect([status, damaged, await startsOf('1.1.2', '1.1.1')]).toEqual([0, 1, []]);
    expect(err).toMatch(
      /no patch to core\/auth@1\.1\.2 from 1\.1\.1: what was made would be refused \(.+\), a fault of fairlead-vendor; installs fetch the full pack/,
    );
    const tried = await readTried(join(vendor.directory, 'workspace'), digestFromHex(await treeOf('1.1.2')));
    expect(tried).toContain(digestFromHex(await treeOf('1.1.1')));
    expect((await vendor.run('publish', '--patches', '1')).err).not.toContain('patch to core/auth@1.1.2');
  });

  it('of which there is little has none, and nothing else is fetched to see so', async () => {
    await released('1.2.0', '--patches', '0');
    const id = await verified('1.2.1', patternedBytes(1_000, 'little'));
    await vendor.json('release', id);
    const [from, to] = [await treeOf('1.2.0'), await treeOf('1.2.1')];
    for (const tree of [from, to]) await rm(join(PACKS(), tree), { recursive: true });
    vendor.server.fetched.length = 0;

    for (let run = 0; run < 2; run++) expect((await vendor.run('publish', '--patches', '1')).status).toBe(0);

    expect(vendor.server.fetched.map(({ path }) => path)).toEqual([packPath(to)]);
    expect(await startsOf('1.2.1', '1.2.0')).toEqual([]);
  });

  it('comes out before a server of an earlier version', async () => {
    vendor.server.takesPatches = false;

    const { err } = await released('1.0.7');

    expect(err.match(/the server is of an earlier version/g)).toHaveLength(1);
    expect(vendor.server.files.has(`packs/${await treeOf('1.0.7')}/full.pack`)).toBe(true);
  });

  it.each(['17', '-1', 'three', ''])('refuses %j patches', async (count) => {
    const { status, err } = await vendor.run('publish', `--patches=${count}`);

    expect(status).toBe(2);
    expect(err).toContain('--patches');
  });
});
