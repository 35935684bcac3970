// Patches over a real socket: taken between trees that are here, listed beside the full pack, bounded in number and size.
import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packName, patchListName, patchName } from '../../../server/repository/names.ts';
import { digestFromHex, digestOf } from '../../../shared/encoding/digest.ts';
import {
  encodePatchList,
  MOST_PATCHES,
  maxPatchBytes,
  parsePatchList,
  patchUploadPath,
} from '../../../shared/protocol/patches.ts';
import { PATCH_FORM } from '../../../shared/tree/patch-format.ts';
import { patchHeadOf } from '../../support/patch-heads.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const TO = 'a'.repeat(64);
const FULL_BYTES = 1_000;

let server: TestServer;
let base: string;

beforeEach(async () => {
  server = await startTestServer();
  base = await server.app.listen({ host: '127.0.0.1', port: 0 });
  await addTree(TO);
});
afterEach(() => server.close());

describe('a patch', () => {
  it('is found and listed once it is here, and served for good', async () => {
    const from = await addTree(hexOf(1));
    expect((await ask('HEAD', from)).status).toBe(404);

    expect((await put(from)).status).toBe(204);

    expect((await ask('HEAD', from)).status).toBe(200);
    const listed = { from: digestFromHex(from), bytes: patchOf(from).length, form: PATCH_FORM };
    expect(await list()).toEqual({
      schema: 'fairlead/patches@1',
      full: FULL_BYTES,
      patches: [{ ...listed, digest: digestOf(patchOf(from)) }],
    });
    const served = await fetch(`${base}/repository/packs/${TO}/${from}.patch`);
    expect(Buffer.from(await served.arrayBuffer())).toEqual(patchOf(from));
    expect(served.headers.get('cache-control')).toContain('immutable');
  });

  it('stays as it is where it is sent again', async () => {
    const from = await addTree(hexOf(1));
    await put(from);

    expect((await put(from, patchOf(from, 9))).status).toBe(204);

    expect((await server.store.read(patchName(TO, from)))?.bytes).toEqual(patchOf(from));
    expect((await list()).patches).toHaveLength(1);
  });

  it('that a kill left unlisted is listed when it is sent again', async () => {
    const from = await addTree(hexOf(1));
    const kept = Buffer.alloc(12);
    await server.store.write(patchName(TO, from), kept);
    expect((await ask('HEAD', from)).status).toBe(404);

    await put(from);

    const measured = { from: digestFromHex(from), bytes: 12, digest: digestOf(kept) };
    expect((await list()).patches).toEqual([measured]);
  });

  it('is listed with the form and digest of what is here, not of what is sent', async () => {
    const from = await addTree(hexOf(1));
    const later = Buffer.concat([Buffer.from('FLPATCH3\n'), Buffer.alloc(300_000)]);
    await server.store.write(patchName(TO, from), later);

    await put(from);

    const measured = { bytes: later.length, form: 3, digest: digestOf(later) };
    expect((await list()).patches).toEqual([{ from: digestFromHex(from), ...measured }]);
  });

  it('is listed with its form where one of another form is gone that was as long', async () => {
    const from = await addTree(hexOf(1));
    const said = { from: digestFromHex(from), bytes: patchOf(from).length };
    const listed = { full: FULL_BYTES, patches: [{ ...said, form: PATCH_FORM + 1 }] };
    await server.store.write(patchListName(TO), encodePatchList(listed));

    await put(from);

    const measured = { ...said, form: PATCH_FORM, digest: digestOf(patchOf(from)) };
    expect((await list()).patches).toEqual([measured]);
  });

  it('keeps the forms of the others on its list, and those of which nobody said any', async () => {
    const others = [{ bytes: 5 }, { bytes: 7, form: 3 }].map((one, i) => ({
      ...{ from: digestFromHex(hexOf(i)) },
      ...one,
    }));
    await server.store.write(patchListName(TO), encodePatchList({ full: FULL_BYTES, patches: others }));

    await put(await addTree(hexOf(9)));

    expect((await list()).patches).toEqual([...others, expect.objectContaining({ form: PATCH_FORM })]);
  });

  it('is taken again where its file is gone', async () => {
    const from = await addTree(hexOf(1));
    await put(from);
    const tag = await server.store.tagOf(patchName(TO, from));
    if (tag !== null) await server.store.clear(patchName(TO, from), tag);

    expect((await ask('HEAD', from)).status).toBe(404);
    await put(from);

    expect((await ask('HEAD', from)).status).toBe(200);
  });

  it('of a list that nobody can read begins another', async () => {
    await server.store.write(patchListName(TO), Buffer.from('{"schema":"fairlead/patches@1","patches":{}}'));
    const from = await addTree(hexOf(1));

    await put(from);

    expect((await list()).patches).toHaveLength(1);
  });

  it('of many keeps those that were sent last', async () => {
    const all = Array.from({ length: MOST_PATCHES + 2 }, (_, i) => hexOf(i));
    for (const from of all) {
      await addTree(from);
      await put(from);
    }

    expect((await list()).patches.map(({ from }) => from)).toEqual(all.slice(2).map(digestFromHex));
    const left = [];
    for await (const name of server.store.list(`repository/packs/${TO}/`))
      if (name.endsWith('.patch')) left.push(name);
    expect(left).toHaveLength(MOST_PATCHES);
  });

  it('is not lost to another that is listed in the same moment', async () => {
    const all = await Promise.all([1, 2, 3, 4, 5].map((n) => addTree(hexOf(n))));

    const answers = await Promise.all(all.map((from) => put(from)));

    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204, 204]);
    expect((await list()).patches.map(({ from }) => from).toSorted()).toEqual(all.map(digestFromHex));
  });

  it.each([
    ['from a tree that nobody has', async () => put('f'.repeat(64)), 422, 'publication/unfit-patch'],
    [
      'to a tree that nobody has',
      async () => put(await addTree(hexOf(1)), undefined, 'e'.repeat(64)),
      422,
      'publication/unfit-patch',
    ],
    ['from the tree itself', async () => put(TO), 422, 'publication/unfit-patch'],
    [
      'that is none',
      async () => put(await addTree(hexOf(1)), Buffer.from('<html>')),
      422,
      'publication/unfit-patch',
    ],
    [
      'of a form that came later',
      async () => put(await addTree(hexOf(1)), Buffer.from('FLPATCH3\n and more')),
      422,
      'publication/unfit-patch',
    ],
    [
      'that starts elsewhere',
      async () => put(await addTree(hexOf(1)), patchOf(hexOf(2))),
      422,
      'publication/unfit-patch',
    ],
    [
      'that leads elsewhere',
      async () => put(await addTree(hexOf(1)), patchOf(hexOf(1), 0, hexOf(2))),
      422,
      'publication/unfit-patch',
    ],
    [
      'that saves too little',
      async () => put(await addTree(hexOf(1)), Buffer.alloc(maxPatchBytes(FULL_BYTES) + 1)),
      413,
      'request/too-large',
    ],
  ])('%s is refused and leaves nothing', async (_what, send, status, code) => {
    const answer = await send();

    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { error: { code: string } }).error.code).toBe(code);
    expect(await server.store.tagOf(patchListName(TO))).toBeNull();
    expect(await readdir(server.layout.uploads).catch(() => [])).toEqual([]);
  });

  it('is for publishers', async () => {
    const from = await addTree(hexOf(1));
    const url = base + patchUploadPath(TO, from);

    expect((await fetch(url, { method: 'PUT', body: new Uint8Array(10) })).status).toBe(401);
    expect((await fetch(url, { method: 'HEAD', headers: await server.bearer('viewer') })).status).toBe(403);
  });
});

describe('the list of patches', () => {
  it('is kept by no cache for long', async () => {
    const from = await addTree(hexOf(1));
    await put(from);

    const served = await fetch(`${base}/repository/packs/${TO}/patches.json`);

    expect(served.headers.get('cache-control')).toBe('public, max-age=60');
    expect(served.headers.get('content-type')).toContain('application/json');
  });
});

function hexOf(n: number): string {
  return (0x100 + n).toString(16).padStart(64, '0');
}

/** As far as a server looks: something stands there. */
async function addTree(hex: string): Promise<string> {
  await server.store.write(packName(hex), Buffer.alloc(FULL_BYTES));
  return hex;
}

async function list() {
  const stored = await server.store.read(patchListName(TO));
  return parsePatchList(stored?.bytes ?? new Uint8Array(), 'the list');
}

async function ask(method: string, from: string): Promise<Response> {
  return fetch(base + patchUploadPath(TO, from), { method, headers: await server.bearer('publisher') });
}

/** As far as a server looks: a patch says where it starts and leads. */
function patchOf(from: string, length = 0, to = TO): Buffer {
  const bytes = patchHeadOf(digestFromHex(to), digestFromHex(from));
  return Buffer.concat([bytes, Buffer.alloc(length)]);
}

async function put(from: string, body = patchOf(from), to = TO): Promise<Response> {
  const headers = { ...(await server.bearer('publisher')), 'content-type': 'application/octet-stream' };
  return fetch(base + patchUploadPath(to, from), { method: 'PUT', headers, body: new Uint8Array(body) });
}
