// From the vendor's command line through a real release server to an install that has the version before: what travels is a patch, and where that lies, the pack.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import type { EnrolmentFile } from '../../agent/adapters/server/enrolment-file.ts';
import { createServerPorts } from '../../agent/adapters/server-ports.ts';
import { createTreeStore } from '../../agent/adapters/tree-store/tree-store.ts';
import type { FairleadError } from '../../shared/errors/error.ts';
import type { CapabilityRelease, TreeRef } from '../../shared/schema/release.ts';
import { patternedBytes, temporaryDirectory } from '../support/directories.ts';
import { serveHttp } from '../support/http-server.ts';
import type { ReleaseServer } from '../support/release-server.ts';
import { startTestServer, type TestServer } from '../support/server-under-test.ts';
import { createBench, openAndBuild, type Vendor } from '../support/vendor.ts';

const VERSIONS = ['1.0.0', '1.0.1', '1.0.2'] as const;

let dir: string;
let server: TestServer;
let vendor: Vendor;
const trees: Partial<Record<(typeof VERSIONS)[number], TreeRef>> = {};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-patches-'));
  server = await startTestServer();
  server.now = Date.now();
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  vendor = createBench(dir, { url } as ReleaseServer);
  const { authorization } = await server.bearer('publisher');
  const token = await vendor.write('token', authorization.replace('Bearer ', ''));
  await vendor.json('init', '--server', url, '--token-file', token);
  for (const version of VERSIONS) {
    const sources = join(dir, `core-auth-${version}`);
    await mkdir(join(sources, 'lib'), { recursive: true });
    await writeFile(join(sources, 'bulk'), patternedBytes(300_000, 'bulk'));
    // One line of a large text changes.
    const text = patternedBytes(100_000, 'text').toString('base64');
    await writeFile(join(sources, 'lib/texts.js'), `${text.slice(0, 70_000)}${version}${text.slice(70_000)}`);
    const id = await openAndBuild(vendor, `core/auth@${version}`);
    await vendor.json('verify', id);
    await vendor.json('release', id);
    trees[version] = (JSON.parse(await vendor.read(`workspace/builds/${id}.json`)) as CapabilityRelease).tree;
  }
}, 60_000);
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

/** An install behind a line on which bytes are counted; what it is answered may be changed on the way. */
async function install(tamper: (path: string, bytes: Buffer) => Buffer = (_, bytes) => bytes) {
  const line = { asked: [] as string[], bytes: 0 };
  const url = await serveHttp(async (request, response) => {
    const path = request.url ?? '';
    const { range } = request.headers;
    const answer = await server.app.inject({ url: path, headers: range === undefined ? {} : { range } });
    const bytes = tamper(path, answer.rawPayload);
    line.asked.push(path.replace(/^.*\//, ''));
    line.bytes += bytes.length;
    response.writeHead(answer.statusCode, { 'content-length': bytes.length }).end(bytes);
  });
  const stateDir = temporaryDirectory();
  const enrolment = { server: url, instance: '0f0e0d0c-0b0a-4908-8706-050403020100', name: 'Harbour' };
  const ports = await createServerPorts(enrolment as EnrolmentFile, stateDir, systemClock);
  onTestFinished(ports.close);
  const instead: FairleadError[] = [];
  const store = createTreeStore({
    stateDir,
    onInstead: (_, cause) => void instead.push(cause as FairleadError),
    ...ports.packs(() => undefined),
  });
  const fetch = async (version: (typeof VERSIONS)[number]) => {
    Object.assign(line, { asked: [], bytes: 0 });
    const tree = trees[version];
    if (tree === undefined) throw new Error(`${version} was not released`);
    const fetched = await store.add(tree);
    expect(await store.verify({ tree, writable: [] })).toEqual([]);
    return { ...fetched, asked: line.asked, onTheLine: line.bytes };
  };
  return { fetch, instead, store };
}

const hex = (version: (typeof VERSIONS)[number]) => trees[version]?.digest.slice('sha256:'.length);

it('an install goes from one release to the next by a patch: two requests, and a hundredth of the bytes', async () => {
  const { fetch, instead } = await install();

  const whole = await fetch('1.0.0');
  const next = await fetch('1.0.1');
  const last = await fetch('1.0.2');

  expect(whole).toMatchObject({ way: 'pack', asked: ['full.pack'] });
  expect(next).toMatchObject({ way: 'patch', asked: ['patches.json', `${hex('1.0.0')}.patch`] });
  expect(last).toMatchObject({
    way: 'patch',
    asked: ['patches.json', expect.stringMatching(/^[0-9a-f]{64}\.patch$/)],
  });
  for (const { onTheLine } of [next, last]) expect(onTheLine).toBeLessThan(whole.onTheLine / 100);
  expect(instead).toEqual([]);
});

it('an install that skipped releases goes from what it has', async () => {
  const { fetch } = await install();
  await fetch('1.0.0');

  expect(await fetch('1.0.2')).toMatchObject({
    way: 'patch',
    asked: ['patches.json', `${hex('1.0.0')}.patch`],
  });
});

it.each<[string, (path: string, bytes: Buffer) => Buffer, string]>([
  [
    'lies',
    (path, bytes) => (path.endsWith('.patch') ? Buffer.from(bytes).fill(7, bytes.length - 40) : bytes),
    'tree/',
  ],
  [
    'is another patch',
    (path, bytes) =>
      path.endsWith('.patch')
        ? Buffer.from(bytes.toString('latin1').replace(/"to":"sha256:./, '"to":"sha256:z'), 'latin1')
        : bytes,
    'tree/',
  ],
  [
    'is listed by a list that lies',
    (path, bytes) => (path.endsWith('.json') ? Buffer.from('{"schema":"fairlead/patches@1"}') : bytes),
    'document/',
  ],
])('where the patch %s, the full pack arrives all the same', async (_what, tamper, code) => {
  const { fetch, instead } = await install((path, bytes) => tamper(path, bytes));
  await fetch('1.0.0');

  const fetched = await fetch('1.0.1');

  expect(fetched.way).toBe('pack');
  expect(fetched.asked.at(-1)).toBe('full.pack');
  expect(instead).toHaveLength(1);
  expect(instead[0]?.code.startsWith(code), instead[0]?.code).toBe(true);
});

it('what would be fetched is known before', async () => {
  const { fetch, store } = await install();
  await fetch('1.0.0');
  const tree = trees['1.0.1'];
  if (tree === undefined) throw new Error('it was not released');

  const weighed = await store.weigh(tree);
  const fetched = await fetch('1.0.1');

  expect(weighed).toEqual({ way: 'patch', bytes: fetched.bytes });
});
