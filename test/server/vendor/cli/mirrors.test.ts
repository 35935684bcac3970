// The vendor's list of mirrors from the command line to the repository: signed by the top-level role, kept through rotations, and taken back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { targetName } from '../../../../server/repository/names.ts';
import type { ReleaseServer } from '../../../support/release-server.ts';
import { startTestServer, type TestServer } from '../../../support/server-under-test.ts';
import { createBench, type Vendor } from '../../../support/vendor.ts';

const EU = { url: 'https://eu.example/repository', regions: ['eu', 'uk'] };
const ALL = { url: 'https://copy.example/repository' };

let dir: string;
let server: TestServer;
let vendor: Vendor;

// One story: what a test leaves the next one finds.
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-mirrors-'));
  server = await startTestServer();
  server.now = Date.now();
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  vendor = createBench(dir, { url } as ReleaseServer);
  const { authorization } = await server.bearer('publisher');
  const token = await vendor.write('token', authorization.replace('Bearer ', ''));
  await vendor.json('init', '--server', url, '--token-file', token);
}, 60_000);
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

/** As every agent finds it: null where nobody lists it. */
async function published(): Promise<unknown> {
  const listed = server.context.publisher.state()?.roles.get('targets')?.content.targets.get('mirrors.json');
  if (listed === undefined) return null;
  const path = targetName('mirrors.json', listed.hashes.get('sha256') ?? '');
  const answer = await server.app.inject({ url: `/${path}` });
  return answer.statusCode === 200 ? answer.json() : answer.statusCode;
}

it('is set, published and listed, in the order in which it was typed', async () => {
  expect(await vendor.json('mirrors', 'list')).toMatchObject({ mirrors: [] });

  const set = await vendor.json('mirrors', 'set', `eu,uk=${EU.url}/`, ALL.url, '--reason', 'nearer');

  expect(set).toMatchObject({
    mirrors: [EU, ALL],
    signed: [{ kind: 'signed', role: 'targets', version: 2 }],
  });
  expect(await published()).toEqual({ schema: 'fairlead/mirrors@1', mirrors: [EU, ALL] });
  expect(await vendor.json('mirrors', 'list')).toMatchObject({ mirrors: [EU, ALL] });
});

it('is signed once where it stays the same', async () => {
  expect(await vendor.json('mirrors', 'set', `eu,uk=${EU.url}`, ALL.url)).toMatchObject({
    signed: [{ kind: 'unchanged' }],
  });
});

it.each([['releases'], ['targets']])('outlives new keys of %s', async (role) => {
  await vendor.json('key', 'rotate', role);

  expect(await published()).toEqual({ schema: 'fairlead/mirrors@1', mirrors: [EU, ALL] });
});

it.each([
  ['http', ['http://eu.example/repository']],
  ['an account', ['https://ada:hunter2@eu.example/']],
  ['an account, for a region', ['eu=https://ada:hunter2@eu.example/']],
  ['a question', ['https://eu.example/?key=x']],
  ['no region where one should be', ['=https://eu.example/']],
  ['a region twice', ['eu,eu=https://eu.example/']],
  ['the same address twice', [ALL.url, `eu=${ALL.url}`]],
  ['nothing', []],
])('is refused with %s, and stays what it was', async (_, mirrors) => {
  const { status, out, err } = await vendor.run('mirrors', 'set', ...mirrors);

  expect(status).toBe(2);
  expect(out + err).not.toContain('hunter2');
  expect(await published()).toMatchObject({ mirrors: [EU, ALL] });
});

it('is taken back', async () => {
  await vendor.json('mirrors', 'clear');

  expect(await published()).toBeNull();
  expect(await vendor.json('mirrors', 'list')).toMatchObject({ mirrors: [] });
  expect((await vendor.run('mirrors', 'list')).out).toContain('fairlead-vendor mirrors set');
});
