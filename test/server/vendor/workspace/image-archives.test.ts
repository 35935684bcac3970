// Archives of images, in every form: taken apart into the same blobs, or refused in clear words.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { takeApart } from '../../../../server/vendor/workspace/image-archives.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { blobPath } from '../../../../shared/schema/drivers/images.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { tarOf } from '../../../support/image-archive.ts';
import {
  described,
  type Files,
  imageOf,
  json,
  manifestOf,
  newDocker,
  oci,
  oldDocker,
  withFile,
} from '../../../support/image-forms.ts';

const IMAGE = imageOf(['the base, of which there is much', 'a layer', 'the base, of which there is much']);
const OTHER = imageOf(['something else'], { architecture: 'arm64' });
const wanted = { name: 'auth:1', platform: 'linux/amd64' };

/** What it makes of an archive of these bytes. */
async function apart(bytes: Buffer, which = wanted) {
  const directory = temporaryDirectory();
  const file = join(directory, 'image.tar');
  writeFileSync(file, bytes);
  const layout = join(directory, 'images');
  const digest = await takeApart(file, which, layout, directory);
  const blobs = readdirSync(join(layout, 'blobs/sha256')).toSorted();
  for (const blob of blobs) {
    expect(digestOf(readFileSync(join(layout, 'blobs/sha256', blob)))).toBe(`sha256:${blob}`);
  }
  return { digest, blobs };
}

const BLOBS = [IMAGE.config, ...IMAGE.layers.slice(1)].map((bytes) => digestOf(bytes).slice(7)).toSorted();

/** Several in one index, as `buildx --platform` writes them, with an attestation. */
function manyPlatforms(): Files {
  const each = [IMAGE, OTHER].map((image) => {
    const layers = image.layers.map((bytes) => gzipSync(bytes));
    return { image, layers, manifest: json(manifestOf(image.config, layers)) };
  });
  const [amd, arm] = each.map(({ manifest }) => described(manifest));
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } });
  const inner = json({
    schemaVersion: 2,
    manifests: [
      { ...arm, ...platform('arm64') },
      { ...amd, ...platform('amd64') },
      { ...arm, platform: { os: 'unknown', architecture: 'unknown' } },
    ],
  });
  const blobs = [
    inner,
    ...each.flatMap(({ image, layers, manifest }) => [manifest, image.config, ...layers]),
  ];
  const index = described(inner, 'application/vnd.oci.image.index.v1+json');
  return [
    ['index.json', json({ schemaVersion: 2, manifests: [index] })],
    ...new Map(blobs.map((bytes) => [blobPath(digestOf(bytes)), bytes])),
  ];
}

describe('an archive of an image becomes its blobs, every layer plain', () => {
  it.each<[string, Buffer]>([
    ['docker save, before version 25', tarOf(oldDocker(IMAGE))],
    ['docker save, from version 25 on', tarOf(newDocker(IMAGE))],
    ['docker save, compressed with gzip', gzipSync(tarOf(newDocker(IMAGE)))],
    ['docker save, compressed with zstd', zstdCompressSync(tarOf(oldDocker(IMAGE)))],
    ['skopeo oci-archive', tarOf(oci(IMAGE))],
    ['an OCI archive with layers in zstd', tarOf(oci(IMAGE, zstdCompressSync))],
    ['an OCI archive with plain layers', tarOf(oci(IMAGE, (bytes) => bytes))],
    ['an OCI archive for several platforms', tarOf(manyPlatforms())],
  ])('of %s', async (_, bytes) => {
    expect(await apart(bytes)).toEqual({ digest: digestOf(IMAGE.config), blobs: BLOBS });
  });

  it('for another platform, where it has one', async () => {
    const { digest } = await apart(tarOf(manyPlatforms()), { ...wanted, platform: 'linux/arm64' });

    expect(digest).toBe(digestOf(OTHER.config));
    await expect(apart(tarOf(manyPlatforms()), { ...wanted, platform: 'linux/riscv64' })).rejects.toThrow(
      'linux/riscv64',
    );
  });

  it('with a layer that is a link to another, as older engines write what occurs twice', async () => {
    const directory = temporaryDirectory();
    const files = withFile(oldDocker(IMAGE), '2/layer.tar', null);
    for (const [name, bytes] of files) {
      mkdirSync(join(directory, name, '..'), { recursive: true });
      writeFileSync(join(directory, name), bytes);
    }
    mkdirSync(join(directory, '2'));
    symlinkSync('../0/layer.tar', join(directory, '2/layer.tar'));

    const bytes = execFileSync('tar', ['--create', `--directory=${directory}`, '.'], { maxBuffer: 2 ** 24 });

    expect((await apart(bytes)).digest).toBe(digestOf(IMAGE.config));
  });

  it('of the name that is asked for, where it holds several', async () => {
    const [first, second] = [oldDocker(IMAGE, ['docker.io/library/auth:1']), oldDocker(OTHER, ['web:2'])];
    const renamed = second.map(([name, bytes]) => [name.replace(/^0\//, 'o/'), bytes] as const);
    const lists = [first, second].map((files) => JSON.parse(files.at(-1)?.[1].toString() ?? '')[0]);
    const list = json([lists[0], { ...lists[1], Layers: ['o/layer.tar'] }]);
    const bytes = tarOf([...first.slice(0, -1), ...renamed.slice(0, -1), ['manifest.json', list]]);

    expect((await apart(bytes)).digest).toBe(digestOf(IMAGE.config));
    const web = { name: 'web:2', platform: 'linux/arm64' };
    expect((await apart(bytes, web)).digest).toBe(digestOf(OTHER.config));
    await expect(apart(bytes, { ...wanted, name: 'db' })).rejects.toThrow(
      /2 images, 0 of them.*auth:1, web:2/,
    );
  });
});

const CONFIG = `${digestOf(IMAGE.config).slice(7)}.json`;
const list = (more: object) => json([{ Config: CONFIG, Layers: ['0/layer.tar'], ...more }]);
const foreign = () => {
  const layers = [{ ...described(Buffer.from('x')), urls: ['https://elsewhere.example.com/x'] }];
  const manifest = json({ ...manifestOf(IMAGE.config, []), layers });
  return [
    ['index.json', json({ schemaVersion: 2, manifests: [described(manifest)] })],
    [blobPath(digestOf(manifest)), manifest],
  ] as Files;
};
const circle = () => {
  // A digest that nobody can make: what names itself is named by the archive alone.
  const inner = json({ schemaVersion: 2, manifests: [described(Buffer.from('itself'))] });
  return [
    ['index.json', inner],
    [blobPath(digestOf(Buffer.from('itself'))), inner],
  ] as Files;
};

describe('an archive is refused', () => {
  it.each<[string, Buffer, RegExp]>([
    ['that is none', Buffer.from('x'.repeat(1000)), /no tar archive/],
    ['without anything in it', tarOf([]), /neither a manifest.json nor an index.json/],
    ['of schema 1', tarOf([['repositories', json({ auth: {} })]]), /neither a manifest.json/],
    [
      'whose configuration is not there',
      tarOf(withFile(oldDocker(IMAGE), CONFIG, null)),
      /which is not there/,
    ],
    [
      'whose configuration is another file of the machine',
      tarOf(withFile(oldDocker(IMAGE), 'manifest.json', list({ Config: '../../../etc/passwd' }))),
      /which is not there/,
    ],
    [
      'that lacks a layer',
      tarOf(withFile(oldDocker(IMAGE), 'manifest.json', list({}))),
      /1 layers where its configuration names 3/,
    ],
    [
      'with another layer than its configuration says',
      tarOf(withFile(oldDocker(IMAGE), '1/layer.tar', Buffer.from('evil'))),
      /is something else/,
    ],
    [
      'with two files of one name',
      tarOf([...oldDocker(IMAGE), ['1/layer.tar', Buffer.from('a layer')]]),
      /two files "1\/layer.tar"/,
    ],
    ['that is cut', tarOf(newDocker(IMAGE)).subarray(0, 2200), /./],
    [
      'whose manifest is not what its digest says',
      tarOf(oci(IMAGE).map(([name, bytes]) => [name, name === 'index.json' ? bytes : json({})])),
      /is something else/,
    ],
    ['with layers that are to be had elsewhere', tarOf(foreign()), /elsewhere alone/],
    [
      'that holds no image but an artifact',
      tarOf(
        (() => {
          const config = described(json({}), 'application/vnd.cncf.helm.config.v1+json');
          const manifest = json({ ...manifestOf(IMAGE.config, []), config });
          return [
            ['index.json', json({ schemaVersion: 2, manifests: [described(manifest)] })],
            [blobPath(digestOf(manifest)), manifest],
          ] as Files;
        })(),
      ),
      /no image but/,
    ],
    ['of another platform', tarOf(newDocker(OTHER)), /for linux\/arm64, and not for linux\/amd64/],
    [
      'of another platform than its index says',
      tarOf(oci(OTHER, gzipSync, { platform: { os: 'linux', architecture: 'amd64' } })),
      /for linux\/arm64, and not for linux\/amd64/,
    ],
    ['whose index leads to itself', tarOf(circle()), /something else/],
    ['whose list is none', tarOf(withFile(oldDocker(IMAGE), 'manifest.json', json({}))), /docker save/],
  ])('%s', async (_, bytes, problem) => {
    await expect(apart(bytes)).rejects.toThrow(problem);
  });

  it('or read, whatever a byte of it is', async () => {
    const whole = tarOf(newDocker(IMAGE));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, byte) => {
        const bytes = Buffer.from(whole);
        bytes[at] = byte;

        const outcome = await apart(bytes).catch((error: unknown) => error);

        // Nothing but what its digest says is ever written: `apart` looks.
        expect(outcome instanceof Error ? 'refused' : (outcome as { digest: string }).digest).toMatch(
          /^(?:refused|sha256:)/,
        );
      }),
      { numRuns: 150 },
    );
  });
});
