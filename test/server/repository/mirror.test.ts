// A mirror of a real release server: whole or as it was, whatever the origin, the line, a kill or the disk does; and an agent that updates from it.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createHttpSource } from '../../../agent/adapters/repository/http-source.ts';
import { openTrustStore } from '../../../agent/adapters/repository/trust-store.ts';
import { createHttpClient } from '../../../agent/adapters/server/http-client.ts';
import { createRepository } from '../../../agent/engine/repository/repository.ts';
import { directoryAddress } from '../../../server/core/repository-address.ts';
import { mirrorOnce } from '../../../server/repository/mirror.ts';
import { patchListName, patchName } from '../../../server/repository/names.ts';
import { openStore } from '../../../server/repository/open-store.ts';
import { createOrigin } from '../../../server/repository/origin.ts';
import type { RepositoryStore } from '../../../server/repository/store.ts';
import { type Digest, digestFromHex, digestOf, hexOf } from '../../../shared/encoding/digest.ts';
import { toDiskError } from '../../../shared/errors/error.ts';
import { encodePatchList, type ListedPatch, parsePatchList } from '../../../shared/protocol/patches.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import { PATCH_FORM } from '../../../shared/tree/patch-format.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { serveHttp } from '../../support/http-server.ts';
import { patchHeadOf } from '../../support/patch-heads.ts';
import type { ReleaseServer } from '../../support/release-server.ts';
import { rubbishOf } from '../../support/rubbish-files.ts';
import { LOCK } from '../../support/sboms.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { createBench, type Vendor } from '../../support/vendor.ts';

const run = promisify(execFile);

type Answer = {
  readonly status: number;
  readonly bytes: Buffer;
  readonly range?: string;
  readonly breaks?: true;
};
type Tamper = (path: string, honest: () => Promise<Answer>) => Promise<Answer>;

let dir: string;
let server: TestServer;
let vendor: Vendor;
let root: Uint8Array;
let tree: Digest;
const treeOfRelease = () => tree;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-mirror-'));
  server = await startTestServer();
  server.now = Date.now();
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  vendor = createBench(dir, { url } as ReleaseServer);
  const { authorization } = await server.bearer('publisher');
  const token = await vendor.write('token', authorization.replace('Bearer ', ''));
  await vendor.json('init', '--server', url, '--token-file', token);
  // A tree that says what it is made of.
  await vendor.write('core-auth-1.0.0/package-lock.json', LOCK);
  const id = await vendor.release('core/auth@1.0.0');
  tree = (JSON.parse(await vendor.read(`workspace/builds/${id}.json`)) as CapabilityRelease).tree.digest;
  root = (await server.store.read('repository/metadata/1.root.json'))?.bytes ?? new Uint8Array();
}, 60_000);
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

const honest = async (path: string, range?: string): Promise<Answer> => {
  const asking = range === undefined ? {} : { headers: { range } };
  const answer = await server.app.inject({ url: `/repository${path}`, ...asking });
  const given = answer.headers['content-range'];
  return {
    ...{ status: answer.statusCode, bytes: answer.rawPayload },
    ...(given === undefined ? {} : { range: String(given) }),
  };
};

/** The server as a mirror meets it; `asked` are the paths, in order. */
async function originWith(tamper: Tamper = (_, answer) => answer()) {
  const asked: string[] = [];
  const url = await serveHttp(async (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const { status, bytes, range, breaks } = await tamper(path, () => honest(path, request.headers.range));
    response.writeHead(status, {
      ...(range === undefined ? {} : { 'content-range': range }),
      ...(breaks ? { 'content-length': bytes.length + 1 } : {}),
    });
    if (breaks) response.write(bytes, () => setTimeout(() => response.destroy(), 50));
    else response.end(bytes);
  });
  return { url, asked };
}

function mirrorIn(
  target: string,
  wrap: (store: RepositoryStore) => RepositoryStore = (store) => store,
  patches = true,
) {
  const store = wrap(openStore(directoryAddress(target)));
  return async (url: string) => {
    const origin = createOrigin(url, {});
    const options = { origin, store, root, patches, staging: join(target, 'staging'), now: server.now };
    return await mirrorOnce(options).finally(() => origin.close());
  };
}

/** An install that knows no other place than the copy: the releases that it finds there. */
async function releasesIn(target: string): Promise<readonly string[]> {
  const url = await serveHttp(async (request, response) => {
    const bytes = await readFile(join(target, 'repository', request.url ?? '')).catch(() => null);
    response.writeHead(bytes === null ? 404 : 200).end(bytes ?? '');
  });
  const http = createHttpClient();
  const trust = temporaryDirectory();
  const urls = { metadata: `${url}/metadata`, targets: `${url}/targets`, packs: url };
  const source = createHttpSource(urls, http);
  const repository = createRepository({
    ...{ source, initialRoot: root, onWarning: () => undefined },
    openStore: () => openTrustStore(trust),
  });
  await repository.refresh(server.now);
  const { releases } = await repository.catalog();
  for (const { document } of releases) {
    if (document.schema !== 'fairlead/capability@1') continue;
    const options = { maxBytes: 2 ** 20, onProgress: () => undefined };
    await source.pack(document.tree.digest.slice(7), join(trust, 'pack'), options);
  }
  await http.close();
  return releases.map(({ document }) => document.version).sort();
}

const filesIn = async (target: string) =>
  (await readdir(join(target, 'repository'), { recursive: true, withFileTypes: true }))
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .sort();

it('is all that an agent needs while the server is gone', async () => {
  const target = temporaryDirectory();
  const origin = await originWith();

  expect(await mirrorIn(target)(origin.url)).toMatchObject({ outcome: 'changed', packs: 1, unread: [] });

  expect(await releasesIn(target)).toEqual(['1.0.0']);
});

it('asks for the timestamp and the next root alone where there is nothing new', async () => {
  const target = temporaryDirectory();
  const origin = await originWith();
  await mirrorIn(target)(origin.url);
  origin.asked.length = 0;

  expect(await mirrorIn(target)(origin.url)).toMatchObject({ outcome: 'unchanged', documents: 0, packs: 0 });

  expect(origin.asked).toEqual(['/metadata/2.root.json', '/metadata/timestamp.json']);
});

it('brings back what was lost or damaged, and removes what no release needs', async () => {
  const target = temporaryDirectory();
  const { url } = await originWith();
  await mirrorIn(target)(url);
  const whole = await filesIn(target);
  const found = (part: string) => whole.find((path) => path.includes(part)) ?? '';
  await rm(found('full.pack'));
  await rm(found('.cdx.json'));
  await writeFile(found('1.0.0.json'), 'damaged');
  await writeFile(found('.releases.json'), 'damaged');
  await writeFile(found('.snapshot.json'), 'damaged');
  const stray = join(target, 'repository/packs', 'a'.repeat(64));
  await mkdir(stray);
  await writeFile(join(stray, 'full.pack'), 'old');

  await mirrorIn(target)(url);

  expect(await filesIn(target)).toEqual(whole);
  expect(await releasesIn(target)).toEqual(['1.0.0']);
});

it.each(rubbishOf('fairlead/mirror-kept@1'))(
  'shows what is new, removes nothing and names the file where what it remembers of days is %s',
  async (_, rubbish) => {
    const target = temporaryDirectory();
    const { url } = await originWith();
    await mirrorIn(target)(url);
    const whole = await filesIn(target);
    const stray = join(target, 'repository/packs', 'a'.repeat(64), 'full.pack');
    await mkdir(dirname(stray));
    await writeFile(stray, 'old');
    await writeFile(join(target, 'kept.json'), rubbish);

    expect((await rejectionOf(mirrorIn(target)(url))).message).toContain('kept.json');

    expect(await filesIn(target)).toEqual([...whole, stray].sort());
    expect(await releasesIn(target)).toEqual(['1.0.0']);
  },
);

const FROM = digestFromHex('1e'.repeat(32));

/** The origin lists a patch to the release; it need lead nowhere, for nobody applies it here. */
async function offerPatch(
  bytes: Buffer | null = patchHeadOf(treeOfRelease(), FROM),
  said: Omit<ListedPatch, 'bytes'> = { from: FROM },
) {
  const hex = hexOf(treeOfRelease());
  const listed = bytes === null ? [] : [{ ...said, bytes: bytes.length }];
  await server.store.write(patchListName(hex), encodePatchList({ full: 10_000, patches: listed }));
  if (bytes !== null) await server.store.write(patchName(hex, hexOf(said.from)), bytes);
  await server.context.publisher.renew();
}

const patchesIn = async (target: string) =>
  (await filesIn(target)).map((path) => basename(path)).filter((name) => /patch/.test(name));

const NAMES = [`${'1e'.repeat(32)}.patch`, 'patches.json'];

describe('patches', () => {
  it('come with the release, and go with what the origin lists no more', async () => {
    const target = temporaryDirectory();
    const { url } = await originWith();
    await offerPatch();
    expect(await mirrorIn(target)(url)).toMatchObject({ withoutPatches: [] });
    expect(await patchesIn(target)).toEqual(NAMES);
    // Nothing was published since: they stay, and are not asked about.
    expect(await mirrorIn(target)(url)).toMatchObject({ outcome: 'unchanged', removed: 0 });
    expect(await patchesIn(target)).toEqual(NAMES);

    await offerPatch(null);
    await mirrorIn(target)(url);

    expect(await patchesIn(target)).toEqual(['patches.json']);
  });

  it('of a form that came later are copied unread, and listed as such', async () => {
    const target = temporaryDirectory();
    const { url } = await originWith();
    const hex = hexOf(treeOfRelease());
    const bytes = Buffer.from('FLPATCH3\n, and what nobody here can read');
    const said = { from: digestFromHex('3e'.repeat(32)), form: 3 };
    await offerPatch(bytes, said);

    expect(await mirrorIn(target)(url)).toMatchObject({ withoutPatches: [] });

    const listed = await readFile(join(target, patchListName(hex)));
    expect(parsePatchList(listed, 'the list').patches).toEqual([{ ...said, bytes: bytes.length }]);
    expect(await readFile(join(target, patchName(hex, hexOf(said.from))))).toEqual(bytes);
  });

  const own = () => patchHeadOf(treeOfRelease(), FROM);
  /** As long, and of the same form. */
  const other = () => Buffer.from(own().toString('latin1').replace('"window":10', '"window":11'), 'latin1');

  it.each<[string, () => Buffer, Omit<ListedPatch, 'bytes' | 'from'>]>([
    ['another size', () => Buffer.concat([own(), Buffer.alloc(9)]), { form: PATCH_FORM }],
    ['another form', () => Buffer.from('FLPATCH3\n'.padEnd(own().length)), { form: 3 }],
  ])('that the origin replaced with one of %s are taken over', async (_, replacing, said) => {
    const bytes = replacing();
    const target = temporaryDirectory();
    const { url } = await originWith();
    const hex = hexOf(treeOfRelease());
    await offerPatch();
    await mirrorIn(target)(url);
    await offerPatch(bytes, { from: FROM, ...said });

    expect(await mirrorIn(target)(url)).toMatchObject({ withoutPatches: [] });

    const listed = await readFile(join(target, patchListName(hex)));
    expect(parsePatchList(listed, 'the list').patches).toEqual([
      { from: FROM, bytes: bytes.length, ...said },
    ]);
    expect(await readFile(join(target, patchName(hex, hexOf(FROM))))).toEqual(bytes);
  });

  it.each<[string, (honest: Buffer) => Buffer | null, number]>([
    ['is gone', () => null, 9],
    ['is something else', () => Buffer.from('<html>'), 9],
    ['is the one before, out of a cache', own, 9],
    ['is cut', (honest) => honest.subarray(0, -1), 9],
    ['would take more than is worth it', (honest) => honest, 6_000],
  ])(
    'that are here stay, and are listed as they are, where what replaced them %s',
    async (_, tamper, more) => {
      const target = temporaryDirectory();
      const replaced = Buffer.concat([own(), Buffer.alloc(more)]);
      let isReplaced = false;
      const { url } = await originWith(async (path, honest) => {
        if (!isReplaced || !path.endsWith('.patch')) return honest();
        const bytes = tamper(replaced);
        return { status: bytes === null ? 404 : 200, bytes: bytes ?? Buffer.alloc(0) };
      });
      const hex = hexOf(treeOfRelease());
      await offerPatch();
      await mirrorIn(target)(url);
      isReplaced = true;
      await offerPatch(replaced);

      const { withoutPatches } = await mirrorIn(target)(url);

      expect(withoutPatches).toEqual([expect.stringMatching(/patch$/)]);
      const listed = await readFile(join(target, patchListName(hex)));
      const measured = { from: FROM, bytes: own().length, form: PATCH_FORM };
      expect(parsePatchList(listed, 'the list').patches).toEqual([measured]);
      expect(await readFile(join(target, patchName(hex, hexOf(FROM))))).toEqual(own());
    },
  );

  it('that are as long as those which they replaced are asked for until they come, and then no more', async () => {
    const target = temporaryDirectory();
    let isCached = true;
    const { url, asked } = await originWith(async (path, honest) =>
      isCached && path.endsWith('.patch') ? { status: 200, bytes: own() } : honest(),
    );
    const said = { from: FROM, form: PATCH_FORM, digest: digestOf(other()) };
    const read = async () => ({
      bytes: await readFile(join(target, patchName(hexOf(treeOfRelease()), hexOf(FROM)))),
      listed: parsePatchList(await readFile(join(target, patchListName(hexOf(treeOfRelease())))), 'it')
        .patches,
    });
    const measures = { ...said, bytes: own().length };
    await offerPatch();
    await mirrorIn(target)(url);
    await offerPatch(other(), said);

    expect(await mirrorIn(target)(url)).toMatchObject({ withoutPatches: [expect.stringMatching(/patch$/)] });
    expect(await read()).toEqual({ bytes: own(), listed: [{ ...measures, digest: digestOf(own()) }] });
    isCached = false;
    await offerPatch(other(), said);
    expect(await mirrorIn(target)(url)).toMatchObject({ withoutPatches: [] });
    expect(await read()).toEqual({ bytes: other(), listed: [measures] });
    asked.length = 0;
    await offerPatch(other(), said);
    await mirrorIn(target)(url);

    expect(asked.filter((path) => path.includes('patch'))).toEqual([expect.stringMatching(/patches\.json$/)]);
  });

  it.each([
    ['what is none, listed as of a later form', '<html>', '5e', { form: 3 }],
    ['one of another form than is listed', 'FLPATCH4\n', '6e', { form: 3 }],
    ['one of a later form that is not listed as such', 'FLPATCH3\n', '7e', {}],
    ['one of a form that no program reads', 'FLPATCH1\n', '8e', { form: 1 }],
  ])('are left out where the origin gives %s', async (_, bytes, from, form) => {
    const target = temporaryDirectory();
    const { url } = await originWith();
    await offerPatch(Buffer.from(bytes), { from: digestFromHex(from.repeat(32)), ...form });

    expect(await mirrorIn(target)(url)).toMatchObject({ withoutPatches: [expect.stringMatching(/patch$/)] });

    expect(await patchesIn(target)).toEqual(['patches.json']);
  });

  it('are left out where the mirror has no room for them', async () => {
    const target = temporaryDirectory();
    const { url, asked } = await originWith();
    await offerPatch();
    await mirrorIn(target)(url);

    await mirrorIn(target, undefined, false)(url);

    expect(await patchesIn(target)).toEqual([]);
    const other = temporaryDirectory();
    asked.length = 0;
    await mirrorIn(other, undefined, false)(url);
    expect(asked.filter((path) => path.includes('patch'))).toEqual([]);
  });

  it.each<[string, Tamper]>([
    [
      'is no list',
      async (path, honest) =>
        path.endsWith('patches.json') ? { status: 200, bytes: Buffer.from('[]') } : honest(),
    ],
    [
      'is a list without end',
      async (path, honest) =>
        path.endsWith('patches.json') ? { status: 200, bytes: Buffer.alloc(100_000) } : honest(),
    ],
    [
      'is a patch of something else',
      async (path, honest) =>
        path.endsWith('.patch') ? { status: 200, bytes: Buffer.from('<html>') } : honest(),
    ],
    [
      'is longer than it says',
      async (path, honest) =>
        path.endsWith('.patch') ? { status: 200, bytes: Buffer.alloc(5_000) } : honest(),
    ],
    [
      'is gone',
      async (path, honest) => (path.endsWith('.patch') ? { status: 404, bytes: Buffer.alloc(0) } : honest()),
    ],
  ])('hold nothing up where what the origin gives %s', async (_what, tamper) => {
    const target = temporaryDirectory();
    const { url } = await originWith(tamper);
    await offerPatch();

    const mirrored = await mirrorIn(target)(url);

    expect(mirrored).toMatchObject({ outcome: 'changed', unread: [] });
    expect(mirrored.withoutPatches).toHaveLength(1);
    expect((await patchesIn(target)).filter((name) => name.endsWith('.patch'))).toEqual([]);
    expect(await releasesIn(target)).toEqual(['1.0.0']);
  });
});

describe('patches for which there is no room', () => {
  const full = (path: string) =>
    toDiskError(path, Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' }));
  const smaller = (store: RepositoryStore, isFull: (name: string) => Promise<boolean>): RepositoryStore => ({
    ...store,
    write: async (name, bytes) =>
      (await isFull(name)) ? Promise.reject(full(name)) : store.write(name, bytes),
    take: async (name, file) => ((await isFull(name)) ? Promise.reject(full(name)) : store.take(name, file)),
  });

  it('are left out, and hold nothing up', async () => {
    const target = temporaryDirectory();
    const { url } = await originWith();
    await offerPatch();

    const mirrored = await mirrorIn(target, (store) =>
      smaller(store, async (name) => name.endsWith('.patch')),
    )(url);

    expect(mirrored).toMatchObject({ outcome: 'changed', packs: 1 });
    expect(mirrored.withoutPatches).toHaveLength(1);
    expect([await patchesIn(target), await releasesIn(target)]).toEqual([[], ['1.0.0']]);
  });

  it('go where they filled the disk, and what is new comes all the same', async () => {
    const target = temporaryDirectory();
    const { url } = await originWith();
    await offerPatch();
    const before = await mirrorIn(target)(url);
    expect(await patchesIn(target)).toEqual(NAMES);
    await server.context.publisher.renew();

    const mirrored = await mirrorIn(target, (store) =>
      smaller(store, async (name) => name.includes('snapshot') && (await patchesIn(target)).length > 0),
    )(url);

    expect(mirrored.version).toBe(before.version + 1);
    expect(mirrored.withoutPatches).toHaveLength(2);
    expect([await patchesIn(target), await releasesIn(target)]).toEqual([[], ['1.0.0']]);
  });

  it('do not come: all to a tree take no more than one pack, the smallest first', async () => {
    const target = temporaryDirectory();
    const { url } = await originWith();
    const hex = hexOf(treeOfRelease());
    const listed = [5_000, 4_000, 900, 5_900].map((bytes, i) => ({
      ...{ from: digestFromHex(`${i}f`.repeat(32)), bytes },
    }));
    await server.store.write(patchListName(hex), encodePatchList({ full: 10_000, patches: listed }));
    for (const { from, bytes } of listed) {
      const head = patchHeadOf(treeOfRelease(), from);
      const patch = Buffer.concat([head, Buffer.alloc(bytes - head.length)]);
      await server.store.write(patchName(hex, hexOf(from)), patch);
    }
    await server.context.publisher.renew();

    const { withoutPatches } = await mirrorIn(target)(url);

    expect(withoutPatches).toEqual([expect.stringContaining('3f'.repeat(32))]);
    expect(await patchesIn(target)).toHaveLength(4);
  });

  it('are not asked for before what is signed is shown', async () => {
    const target = temporaryDirectory();
    const shown: boolean[] = [];
    const { url } = await originWith(async (path, answer) => {
      if (path.includes('patch'))
        shown.push((await filesIn(target)).some((name) => name.endsWith('/timestamp.json')));
      return answer();
    });
    await offerPatch();

    await mirrorIn(target)(url);

    expect(shown).toEqual([true, true]);
  });
});

it('of an origin that has no bill of materials is whole without, and says so', async () => {
  const target = temporaryDirectory();
  const missing = { status: 404, bytes: Buffer.alloc(0) };
  const { url } = await originWith(async (path, honest) => (path.endsWith('.cdx.json') ? missing : honest()));

  const { outcome, unread } = await mirrorIn(target)(url);

  expect({ outcome, unread }).toEqual({
    outcome: 'changed',
    unread: [expect.stringMatching(/\.cdx\.json$/)],
  });
  expect(await releasesIn(target)).toEqual(['1.0.0']);
});

it('refuses a bill of materials that is not what was signed', async () => {
  const other = { status: 200, bytes: Buffer.from('{}') };
  const { url } = await originWith(async (path, honest) => (path.endsWith('.cdx.json') ? other : honest()));

  expect((await rejectionOf(mirrorIn(temporaryDirectory())(url))).code).toMatch(/^trust\//);
});

describe('an origin that is not what it says', () => {
  let target: string;
  let older: Buffer | undefined;
  beforeEach(async () => {
    if (older === undefined) {
      await mirrorIn(join(dir, 'base'))((await originWith()).url);
      older = (await honest('/metadata/timestamp.json')).bytes;
      await vendor.release('core/auth@1.1.0');
    }
    target = temporaryDirectory();
    await cp(join(dir, 'base'), target, { recursive: true });
  }, 60_000);

  const only =
    (part: RegExp, change: (bytes: Buffer) => Answer): Tamper =>
    async (path, answer) =>
      part.test(path) ? change((await answer()).bytes) : await answer();
  const flipped = (bytes: Buffer): Answer => {
    const lie = Buffer.from(bytes);
    lie[lie.length >> 1] = (lie[lie.length >> 1] ?? 0) ^ 1;
    return { status: 200, bytes: lie };
  };
  const cut = (bytes: Buffer): Answer => ({ status: 200, bytes: bytes.subarray(0, bytes.length >> 1) });
  const endless = (bytes: Buffer): Answer => ({
    status: 200,
    bytes: Buffer.concat([bytes, Buffer.alloc(64 * 2 ** 20)]),
  });
  const answering = (status: number) => (): Answer => ({ status, bytes: Buffer.alloc(0) });

  it.each<[string, RegExp, (bytes: Buffer) => Answer, RegExp]>([
    ['signs nothing that it says is new', /timestamp/, flipped, /^(?:trust|json)\//],
    ['has another snapshot', /snapshot/, flipped, /^trust\//],
    ['has another role', /releases\.json/, flipped, /^trust\//],
    ['cuts a role', /releases\.json/, cut, /^trust\//],
    ['has another document', /targets\/capabilities/, flipped, /^trust\//],
    ['cuts a document', /targets\/capabilities/, cut, /^trust\//],
    ['has an endless document', /targets\/capabilities/, endless, /^transport\/too-large/],
    ['has another pack', /full\.pack/, flipped, /^tree\//],
    ['cuts a pack', /full\.pack/, cut, /^tree\//],
    ['has an endless pack', /full\.pack/, endless, /^transport\/too-large/],
    ['has no pack', /full\.pack/, answering(404), /^transport\/refused/],
    ['has no snapshot', /snapshot/, answering(404), /^transport\/refused/],
    ['leads elsewhere', /timestamp/, answering(302), /^transport\/refused/],
    ['breaks', /timestamp/, answering(500), /^transport\/refused/],
  ])('that %s changes nothing, and the next pass catches up', async (_, part, change, code) => {
    const lying = await originWith(only(part, change));

    expect((await rejectionOf(mirrorIn(target)(lying.url))).code).toMatch(code);
    expect(await releasesIn(target)).toEqual(['1.0.0']);

    expect(await mirrorIn(target)((await originWith()).url)).toMatchObject({ outcome: 'changed' });
  });

  it('that goes back is not followed', async () => {
    await mirrorIn(target)((await originWith()).url);
    const back = await originWith(
      only(/timestamp/, () => ({ status: 200, bytes: older ?? Buffer.alloc(0) })),
    );

    expect((await rejectionOf(mirrorIn(target)(back.url))).code).toBe('trust/rollback');
    expect(await releasesIn(target)).toEqual(['1.0.0', '1.1.0']);
  });

  it('whose line breaks in a pack is asked for the rest of it', async () => {
    const ranges: unknown[] = [];
    const breaking = await originWith(
      only(/full\.pack/, (bytes) => ({
        status: 200,
        bytes: bytes.subarray(0, bytes.length >> 1),
        breaks: true,
      })),
    );
    expect((await rejectionOf(mirrorIn(target)(breaking.url))).code).toBe('transport/unreachable');

    const whole = await originWith(async (path, answer) => {
      const given = await answer();
      if (path.includes('full.pack')) ranges.push(given.range);
      return given;
    });
    await mirrorIn(target)(whole.url);

    expect(ranges).toEqual([expect.stringMatching(/^bytes [1-9]/)]);
    expect(await releasesIn(target)).toEqual(['1.0.0', '1.1.0']);
  });

  it('leaves the old or the new where the disk ends at any write, and the next pass goes on', async () => {
    const { url } = await originWith();
    for (let nth = 0, isDone = false; !isDone; nth++) {
      let left = nth;
      const spend = () => {
        if (left-- <= 0) throw toDiskError(target, Object.assign(new Error(), { code: 'ENOSPC' }), 1);
      };
      const failing = (store: RepositoryStore): RepositoryStore => ({
        ...store,
        write: async (...words) => {
          spend();
          return await store.write(...words);
        },
        take: async (...words) => {
          spend();
          return await store.take(...words);
        },
        replace: async (...words) => {
          spend();
          return await store.replace(...words);
        },
      });
      isDone = await mirrorIn(
        target,
        failing,
      )(url).then(
        () => true,
        (error) => {
          expect(error.code).toBe('disk/full');
          return false;
        },
      );
      expect(['1.0.0', '1.0.0,1.1.0']).toContain((await releasesIn(target)).join());
      expect(nth).toBeLessThan(20);
    }
    expect(await releasesIn(target)).toEqual(['1.0.0', '1.1.0']);
  });
});

describe('fairlead-server mirror', () => {
  const main = join(import.meta.dirname, '../../../server/main.ts');
  const mirror = async (target: string, url: string) => {
    await writeFile(join(dir, '1.root.json'), root);
    const words = ['mirror', '--from', `${url}/`, '--root', join(dir, '1.root.json'), '--dir', target];
    return await run(process.execPath, [main, ...words]).then(
      ({ stdout }) => ({ status: 0, out: stdout }),
      ({ code, stderr }) => ({ status: Number(code), out: String(stderr) }),
    );
  };

  it('says what it did, to a person and in a file; and what it did not believe', {
    timeout: 30_000,
  }, async () => {
    const target = temporaryDirectory();
    const health = async () => JSON.parse(await readFile(join(target, 'mirror.json'), 'utf8'));

    expect(await mirror(target, (await originWith()).url)).toMatchObject({ status: 0 });
    expect(await health()).toMatchObject({ outcome: 'changed', failure: null, unread: 0 });

    const lying = await originWith(async (path, answer) =>
      path.includes('timestamp') ? { status: 200, bytes: Buffer.from('{}') } : await answer(),
    );
    expect((await mirror(target, lying.url)).status).toBe(5);
    expect(await health()).toMatchObject({ failure: { code: expect.stringMatching(/^trust\//) } });
  });

  it('touches no directory of a release server', { timeout: 30_000 }, async () => {
    const { status, out } = await mirror(server.layout.dir, (await originWith()).url);

    expect(status).not.toBe(0);
    expect(out).toContain('directory of a release server');
  });
});
