// Halts that the server signed meanwhile: the workspace goes on from them, lifts them, and its own word counts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { haltPath } from '../../../../shared/schema/release-ref.ts';
import type { Halt } from '../../../../shared/schema/rollout.ts';
import { digestOfText } from '../../../support/publications.ts';
import type { ReleaseServer } from '../../../support/release-server.ts';
import { startTestServer, type TestServer } from '../../../support/server-under-test.ts';
import { createBench, openAndBuild, type Vendor } from '../../../support/vendor.ts';

const HOUR_MS = 3_600_000;
const OTHER = digestOfText('another release');
const THIRD = digestOfText('a third');
const SIGNED = '3 of 3 went wrong';

let dir: string;
let server: TestServer;
let vendor: Vendor;
let release: Digest;
let change: string;

// One story: what a test leaves the next one finds.
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-server-halts-'));
  server = await startTestServer();
  server.now = Date.now();
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  vendor = createBench(dir, { url } as ReleaseServer);
  const { authorization } = await server.bearer('publisher');
  const token = await vendor.write('token', authorization.replace('Bearer ', ''));
  await vendor.json('init', '--server', url, '--token-file', token);
  change = await openAndBuild(vendor, 'core/auth@1.0.0');
  await vendor.json('verify', change);
  await vendor.json('release', change);
  await vendor.json('rollout', 'start', change);
  const shown = (await vendor.json('change', 'show', change)) as {
    readonly change: { readonly release: Digest };
  };
  release = shown.change.release;
}, 60_000);
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

const halt = (digest: Digest, follows: string | null = null) =>
  server.context.publisher.halt([
    {
      ...{ digest, release: 'core/auth@1.0.0', change, class: null, classes: null, reason: SIGNED, follows },
      issued: formatInstant(server.now),
      expires: formatInstant(server.now + 24 * HOUR_MS),
    },
  ]);

/** The halts that agents find, by the path of each, with their reasons. */
async function published(): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const { path, sha256 } of server.context.publisher.published().halts) {
    const name = `repository/targets/halts/${sha256}.${path.slice('halts/'.length)}`;
    const stored = await server.store.read(name);
    found[path] = (JSON.parse(Buffer.from(stored?.bytes ?? []).toString()) as Halt).reason;
  }
  return found;
}

type Roles = readonly { readonly role: string; readonly keys: readonly { readonly keyid: string }[] }[];

it('the server’s key signs nothing before the vendor names it, and halts afterwards', async () => {
  const before = await halt(release);
  await vendor.json('key', 'rotate', 'halts', '--add-server');

  expect([before, await halt(release)]).toEqual([0, 1]);
  expect(await published()).toEqual({ [haltPath(release)]: SIGNED });
});

it('it is for halts alone, and for one signature', async () => {
  const refusal = (...words: readonly string[]) => vendor.refusal('key', 'rotate', ...words, '--add-server');

  expect(await refusal('releases')).toBe('vendor/option-invalid');
  expect(await refusal('halts', '--threshold', '2')).toBe('vendor/option-invalid');
});

it('a publication of something else leaves the halt that the workspace did not know', async () => {
  await vendor.json('rollout', 'pause', change);

  expect(await published()).toEqual({ [haltPath(release)]: SIGNED });
});

it('resume lifts it', async () => {
  await vendor.json('rollout', 'resume', change);

  expect(await published()).toEqual({});
});

it('a halt of the vendor’s takes the place of it, and leaves what else the server stopped', async () => {
  await halt(release);
  await halt(OTHER);

  await vendor.json('rollout', 'halt', change, '--reason', 'we know what it is');

  expect(await published()).toEqual({ [haltPath(release)]: 'we know what it is', [haltPath(OTHER)]: SIGNED });
});

it('what was signed without publishing is laid over what the server signed meanwhile', async () => {
  await vendor.json('rollout', 'halt', change, '--reason', 'by us', '--no-publish');
  await halt(THIRD);

  await vendor.json('publish');

  const expected = { [haltPath(release)]: 'by us', [haltPath(OTHER)]: SIGNED, [haltPath(THIRD)]: SIGNED };
  expect(await published()).toEqual(expected);
  expect((await vendor.json('publish')).published).toMatchObject({ metadata: 0 });
});

it('the key taken away, nothing it signs counts, and nothing else is stopped by that', async () => {
  const { roles } = (await vendor.json('key', 'list')) as { readonly roles: Roles };
  const ofServer = roles.find(({ role }) => role === 'halts')?.keys[1]?.keyid ?? '';
  await halt(digestOfText('a fourth'));

  await vendor.json('key', 'rotate', 'halts', '--remove', ofServer.slice(0, 12));
  await vendor.json('renew', 'halts');

  expect(await halt(digestOfText('a fifth'))).toBe(0);
  expect(Object.keys(await published()).length).toBe(4);
});
