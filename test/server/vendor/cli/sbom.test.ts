// Bills of materials from build to the server: made of the tree, or given; signed beside the release; new packages shown.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { parseEnvelope } from '../../../../shared/trust/metadata.ts';
import { parseTargets } from '../../../../shared/trust/parse-metadata.ts';
import { expectCycloneDx, LOCK, LOCKED_FILES } from '../../../support/sboms.ts';
import { createVendor, sourcesOf, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
beforeEach(async () => {
  vendor = await createVendor();
});
afterEach(() => vendor.close());

const PATH = (version: string) => `capabilities/core/auth/${version}.json`;

async function opened(version: string): Promise<string> {
  const about = [
    '--component',
    'core/auth',
    '--version',
    version,
    '--revision',
    'git:1',
    '--scope',
    'a test',
  ];
  return ((await vendor.json('change', 'open', ...about)).change as { id: string }).id;
}

/** Stage 2 of a tree with this lockfile. */
async function build(version: string, lock: unknown, ...more: readonly string[]) {
  const id = await opened(version);
  const text = `core/auth@${version}`;
  const sources = await sourcesOf(vendor, text);
  for (const path of LOCKED_FILES) await vendor.write(`core-auth-${version}/${path}`, '{}');
  if (lock !== null) await vendor.write(`core-auth-${version}/package-lock.json`, lock as object);
  const again = () => vendor.run('build', text, '--change', id, ...sources, ...more);
  return { id, again, answer: await again() };
}

/** What the server has of a release's bill, by what is signed. */
function published(version: string) {
  const names = [...vendor.server.files.keys()].filter((path) => path.endsWith('.releases.json')).toSorted();
  const bytes = vendor.server.files.get(names.at(-1) ?? '') ?? new Uint8Array();
  const target = parseTargets(parseEnvelope(bytes, 'releases').signed, 'releases').targets.get(PATH(version));
  const ref = target?.notes?.sbom;
  const sent = [...vendor.server.files].find(([path]) => path.endsWith(`/sboms/${ref?.digest.slice(7)}`));
  return { ref, bytes: sent?.[1] };
}

const withLeft = (version: string) => ({
  ...LOCK,
  packages: { ...LOCK.packages, 'node_modules/left': { version }, 'node_modules/new': { version: '3.0.0' } },
});

it('is made of the tree, signed with the release, sent before it, and held against the release before', async () => {
  const first = await build('1.0.0', LOCK);
  await vendor.json('verify', first.id);
  await vendor.json('release', first.id);
  const { ref, bytes } = published('1.0.0');
  expect(digestOf(bytes ?? new Uint8Array())).toBe(ref?.digest);
  expect(bytes?.length).toBe(ref?.bytes);
  expectCycloneDx(JSON.parse(Buffer.from(bytes ?? []).toString()));

  await vendor.write('core-auth-1.1.0/node_modules/new/package.json', '{}');
  const { id } = await build('1.1.0', withLeft('1.9.9'));
  const { out } = await vendor.run('verify', id);

  expect(out).toContain(
    'made of: 5 components; since core/auth@1.0.0: 1 package added, 1 removed, 1 in other versions',
  );
  expect(out).toContain('  left  2.3.0 → 1.9.9, 2.3.0\n');
  expect(out).toContain('new  3.0.0  added');
  const change = (await vendor.json('change', 'show', id)).change as {
    stages: { details: { checks?: object[] } }[];
  };
  expect(change.stages.at(-1)?.details.checks).toContainEqual(
    expect.objectContaining({ check: 'bill of materials', outcome: 'passed' }),
  );
});

it('is the same bytes when a build is repeated', async () => {
  const { id, again } = await build('1.0.0', LOCK);
  const before = await vendor.read(`workspace/builds/${id}.cdx.json`);
  await rm(join(vendor.directory, `workspace/builds/${id}.cdx.json`));

  expect((await again()).status).toBe(0);

  expect(await vendor.read(`workspace/builds/${id}.cdx.json`)).toBe(before);
});

it('may be given, and then never changes', async () => {
  const given = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    components: [{ type: 'library', name: 'openssl' }],
  };
  const file = await vendor.write('given.json', given);
  const { id, again } = await build('1.0.0', null, '--sbom', file);
  expect(JSON.parse(await vendor.read(`workspace/builds/${id}.cdx.json`))).toEqual(given);

  await vendor.write('given.json', { ...given, components: [] });

  expect((await again()).err).toContain('another bill of materials');
});

it.each([
  ['missing', null, 'there is no such file'],
  ['of another format', { spdxVersion: 'SPDX-2.3' }, 'bomFormat'],
])('given and %s is refused, naming what is wrong', async (_name, content, said) => {
  const file =
    content === null ? join(vendor.directory, 'none.json') : await vendor.write('given.json', content);

  const { answer } = await build('1.0.0', null, '--sbom', file);

  expect(answer.status).not.toBe(0);
  expect(answer.err).toContain(said);
});

it('is refused for a suite', async () => {
  const id = (
    (
      await vendor.json(
        'change',
        'open',
        '--component',
        'core',
        '--version',
        '1.0.0',
        '--revision',
        'git:1',
        '--scope',
        'x',
      )
    ).change as { id: string }
  ).id;
  const from = await vendor.write('core.json', { capabilities: {} });

  expect(await vendor.refusal('build', 'core@1.0.0', '--change', id, '--from', from, '--sbom', from)).toBe(
    'vendor/option-invalid',
  );
});

it.each<[string, object | string]>([
  ['of npm 6', { lockfileVersion: 1 }],
  ['that is damaged', '{'],
])('a lockfile %s stops no build: it is said that there is no bill, and why', async (_name, lock) => {
  const { id, answer } = await build('1.0.0', lock);

  expect(answer).toMatchObject({ status: 0, err: expect.stringContaining('no bill of materials') });
  await vendor.json('verify', id);
  await vendor.json('release', id);
  expect(published('1.0.0').ref).toBeUndefined();
});

it('that was changed after the build is found at verify and at release', async () => {
  const { id } = await build('1.0.0', LOCK);
  const file = join(vendor.directory, `workspace/builds/${id}.cdx.json`);
  const whole = await vendor.read(`workspace/builds/${id}.cdx.json`);
  await writeFile(file, whole.replace('1.9.0', '1.9.1'));
  expect(await vendor.refusal('verify', id)).toBe('vendor/verification-failed');

  await writeFile(file, whole);
  await vendor.json('verify', id);
  await writeFile(file, whole.replace('1.9.0', '1.9.1'));

  expect(await vendor.refusal('release', id)).toBe('vendor/digest-mismatch');
});
