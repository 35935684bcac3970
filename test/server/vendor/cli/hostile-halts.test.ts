// A server that lies about halts: no signature of the vendor’s comes of it, nothing here is overwritten, and no number is used up.
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import type { JsonObject } from '../../../../shared/encoding/json.ts';
import type { ReleaseServer } from '../../../support/release-server.ts';
import { startTestServer, type TestServer } from '../../../support/server-under-test.ts';
import { createBench, openAndBuild, type Vendor } from '../../../support/vendor.ts';

let dir: string;
let server: TestServer;
let liar: Server;
/** What it answers in the place of what is published, by the names of files. */
let lies: Map<string, Uint8Array>;
let vendor: Vendor;
let honest: ReadonlyMap<string, Uint8Array>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-hostile-halts-'));
  server = await startTestServer();
  server.now = Date.now();
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  vendor = createBench(dir, { url } as ReleaseServer);
  const { authorization } = await server.bearer('publisher');
  const token = await vendor.write('token', authorization.replace('Bearer ', ''));
  await vendor.json('init', '--server', url, '--token-file', token);
  const change = await openAndBuild(vendor, 'core/auth@1.0.0');
  await vendor.json('verify', change);
  await vendor.json('release', change);
  await vendor.json('rollout', 'start', change);
  honest = await haltsHere();
  liar = createServer(answer).listen(0, '127.0.0.1');
  await once(liar, 'listening');
  const config = JSON.parse(await vendor.read('workspace/vendor.json'));
  const { port } = liar.address() as AddressInfo;
  await vendor.write('workspace/vendor.json', { ...config, server: `http://127.0.0.1:${port}` });
}, 60_000);
beforeEach(() => {
  lies = new Map();
});
afterAll(async () => {
  liar.close();
  await server.close();
  await rm(dir, { recursive: true });
});

const METADATA = 'workspace/repository/metadata';

async function haltsHere(): Promise<ReadonlyMap<string, Uint8Array>> {
  const names = (await readdir(join(dir, METADATA))).filter((name) => name.endsWith('.halts.json')).sort();
  return new Map(await Promise.all(names.map(async (name) => [name, await readHere(name)] as const)));
}

const readHere = async (name: string) => utf8(await vendor.read(join(METADATA, name)));

async function readThere(name: string): Promise<Uint8Array | undefined> {
  return lies.get(name) ?? (await server.store.read(`repository/metadata/${name}`))?.bytes;
}

const answer: RequestListener = async ({ url = '' }, reply) => {
  const bytes = await readThere(url.replace('/repository/metadata/', ''));
  reply.writeHead(bytes === undefined ? 404 : 200).end(bytes);
};

async function signedThere(name: string): Promise<JsonObject> {
  return JSON.parse(Buffer.from((await readThere(name)) ?? []).toString()).signed;
}

/** What timestamp and snapshot claim, and the version that stands in the bytes under it. Nobody signed any of them. */
async function claim(version: number, says: number): Promise<void> {
  const lie = (name: string, signed: object) =>
    lies.set(name, utf8(JSON.stringify({ signatures: [], signed })));
  const { meta } = await signedThere('timestamp.json');
  const shown = (meta as Readonly<Record<string, { readonly version: number }>>)['snapshot.json']?.version;
  const snapshot = await signedThere(`${shown}.snapshot.json`);
  lie(`${shown}.snapshot.json`, {
    ...snapshot,
    meta: { ...(snapshot.meta as JsonObject), 'halts.json': { version } },
  });
  lie(`${version}.halts.json`, { ...(await signedThere('1.halts.json')), version: says, targets: {} });
}

describe('a server that lies about halts', () => {
  it('is refused where the bytes are of another version than was asked for', async () => {
    await claim(2, 2 ** 53 - 2);

    expect(await vendor.refusal('publish')).toBe('vendor/repository-invalid');
    expect(await haltsHere()).toEqual(honest);
  });

  it('is refused where it claims a version that would use up the numbers', async () => {
    await claim(2 ** 53 - 2, 2 ** 53 - 2);

    expect(await vendor.refusal('publish')).toBe('vendor/repository-invalid');
    expect(await haltsHere()).toEqual(honest);
  });

  it('gets no signature over what none of the vendor’s keys signed, and its number is not gone on from', async () => {
    await claim(3, 3);

    expect(await vendor.refusal('publish')).toBe('vendor/workspace-behind');
    expect(await haltsHere()).toEqual(honest);
  });

  it('overwrites nothing that the vendor signed with what nobody signed', async () => {
    await claim(1, 1);

    await vendor.json('publish');

    expect(await haltsHere()).toEqual(honest);
  });
});
