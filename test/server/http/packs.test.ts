// Packs over a real socket: streamed in, checked, served with ranges; whatever is wrong leaves nothing behind.
import { readdir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { receivePack } from '../../../server/repository/pack-upload.ts';
import { digestOf, hexOf } from '../../../shared/encoding/digest.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { makePack, startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
let base: string;
let tree: TreeRef;
let pack: Buffer;

beforeEach(async () => {
  server = await startTestServer();
  base = await server.app.listen({ host: '127.0.0.1', port: 0 });
  ({ tree, pack } = await makePack('console.log(1)'));
});
afterEach(() => server.close());

describe('the upload of a bill of materials', () => {
  const bill = Buffer.from('{"bomFormat":"CycloneDX","specVersion":"1.6"}');
  const sbom = hexOf(digestOf(bill));
  const ask = async (method: string, body?: Buffer, hex = sbom) => {
    const url = `${base}/api/v1/packs/${hexOf(tree.digest)}/sboms/${hex}`;
    const headers = { ...(await server.bearer('publisher')), 'content-type': 'application/octet-stream' };
    return fetch(url, { method, headers, ...(body === undefined ? {} : { body: new Uint8Array(body) }) });
  };

  it('is kept under its digest, found, and served for good', async () => {
    expect((await ask('HEAD')).status).toBe(404);

    expect((await ask('PUT', bill)).status).toBe(204);
    expect((await ask('PUT', bill)).status).toBe(204);

    expect((await ask('HEAD')).status).toBe(200);
    const served = await fetch(`${base}/repository/packs/${hexOf(tree.digest)}/${sbom}.cdx.json`);
    expect(Buffer.from(await served.arrayBuffer())).toEqual(bill);
    expect(served.headers.get('cache-control')).toContain('immutable');
    expect(served.headers.get('content-type')).toContain('application/json');
  });

  it('of other bytes leaves nothing behind', async () => {
    expect((await ask('PUT', bill, 'a'.repeat(64))).status).toBe(422);

    expect((await ask('HEAD', undefined, 'a'.repeat(64))).status).toBe(404);
  });

  it('is for publishers', async () => {
    const url = `${base}/api/v1/packs/${hexOf(tree.digest)}/sboms/${sbom}`;

    expect((await fetch(url, { method: 'PUT', body: new Uint8Array(bill) })).status).toBe(401);
  });
});

describe('an upload', () => {
  it('is kept, found and served, in whole and in part', async () => {
    expect((await send('HEAD')).status).toBe(404);

    expect((await put(pack)).status).toBe(204);

    expect((await send('HEAD')).status).toBe(200);
    const url = `${base}/repository/packs/${hexOf(tree.digest)}/full.pack`;
    const whole = await fetch(url);
    const part = await fetch(url, { headers: { range: 'bytes=10-19' } });
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(pack);
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(pack.subarray(10, 20));
    expect(whole.headers.get('cache-control')).toContain('immutable');
  });

  it('tells an agent that has it all how long it is', async () => {
    await put(pack);
    const url = `${base}/repository/packs/${hexOf(tree.digest)}/full.pack`;

    const rest = await fetch(url, { headers: { range: `bytes=${pack.length}-` } });

    expect(rest.status).toBe(416);
    expect(rest.headers.get('content-range')).toBe(`bytes */${pack.length}`);
  });

  it('of what is there already changes nothing', async () => {
    await put(pack);

    expect((await put(Buffer.from('anything'))).status).toBe(204);

    const served = await fetch(`${base}/repository/packs/${hexOf(tree.digest)}/full.pack`);
    expect(Buffer.from(await served.arrayBuffer())).toEqual(pack);
  });

  it.each<[string, () => Buffer | Promise<Buffer>, number]>([
    ['nothing', () => Buffer.alloc(0), 422],
    ['something else', () => Buffer.from('not a pack at all, but longer than a header'), 422],
    ['half a pack', () => pack.subarray(0, 40), 422],
    ['the pack of another tree', async () => (await makePack('console.log(2)')).pack, 422],
    ['an index that does not unpack', () => withIndexDamaged(pack), 422],
    ['a pack with a gigabyte announced', () => withFrameLength(pack, 2 ** 30), 422],
    ['a pack with very much behind it', () => Buffer.concat([pack, Buffer.alloc(9 * 2 ** 20)]), 422],
  ])('with %s is refused and leaves nothing', async (_what, body, status) => {
    const response = await put(await body());

    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: { code: string } }).error.code).toBe(
      'publication/unfit-pack',
    );
    expect(await readdir(server.layout.uploads)).toEqual([]);
    expect((await send('HEAD')).status).toBe(404);
  });

  it('over the cap is cut off', async () => {
    const endless = Readable.from(
      (function* () {
        for (let i = 0; i < 100; i++) yield Buffer.alloc(1024);
      })(),
    );

    const refusal = await rejectionOf(receivePack(server, hexOf(tree.digest), endless, 10_000));

    expect(refusal.code).toBe('request/too-large');
    expect(await readdir(server.layout.uploads)).toEqual([]);
  });

  it('that breaks off leaves nothing', async () => {
    const broken = Readable.from(
      (function* () {
        yield pack.subarray(0, 20);
        throw new Error('connection lost');
      })(),
    );

    await expect(receivePack(server, hexOf(tree.digest), broken)).rejects.toThrow('connection lost');

    expect(await readdir(server.layout.uploads)).toEqual([]);
  });

  it.each(['..%2f..%2fx', 'A'.repeat(64), 'a'.repeat(63), '%00'])(
    'at the hostile address %s is refused',
    async (hex) => {
      const response = await put(pack, hex);

      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
    },
  );

  it('of JSON is refused', async () => {
    const headers = { ...(await server.bearer('publisher')), 'content-type': 'application/json' };
    const response = await fetch(packUrl(), { method: 'PUT', headers, body: '{}' });

    expect(response.status).toBe(400);
  });
});

function packUrl(hex = hexOf(tree.digest)): string {
  return `${base}/api/v1/packs/${hex}/full.pack`;
}

async function send(method: string): Promise<Response> {
  return fetch(packUrl(), { method, headers: await server.bearer('publisher') });
}

async function put(body: Buffer, hex?: string): Promise<Response> {
  const headers = { ...(await server.bearer('publisher')), 'content-type': 'application/octet-stream' };
  return fetch(packUrl(hex), { method: 'PUT', headers, body: new Uint8Array(body) });
}

/** The frame's length stands behind the magic. */
function withFrameLength(bytes: Buffer, length: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(length, 8);
  return copy;
}

function withIndexDamaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const index = 12 + bytes.readUInt32BE(8);
  copy.fill(0xff, index, index + 8);
  return copy;
}
