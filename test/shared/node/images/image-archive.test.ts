// Archives of images: read without an engine, believed only as far as their bytes bear out, refused in clear words.
import { spawnSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Digest, digestOf } from '../../../../shared/encoding/digest.ts';
import { readImages } from '../../../../shared/node/images/image-archive.ts';
import { readLayoutImage } from '../../../../shared/node/images/image-layout.ts';
import { imageTar, manifestDigest } from '../../../../shared/node/images/image-tar.ts';
import { readSmallFiles } from '../../../../shared/node/images/tar-files.ts';
import { blobPath } from '../../../../shared/schema/drivers/images.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { makeArchive, makeLayout, tarOf } from '../../../support/image-archive.ts';

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('an archive of images', () => {
  it.each(['both', 'gzip'] as const)(
    'names an image by configuration, manifest and layers (%s)',
    async (shape) => {
      const made = makeArchive(join(temporaryDirectory(), 'a.tar'), 'content', shape);

      expect(await readImages(made.archive)).toEqual([
        {
          config: made.digest,
          manifest: made.manifest,
          layers: [digestOf(Buffer.from('content'))],
          platform: {},
        },
      ]);
    },
  );

  it('may come without a manifest, as earlier engines and skopeo write it', async () => {
    const made = makeArchive(join(temporaryDirectory(), 'a.tar'), 'content', 'old');

    expect(await readImages(made.archive)).toMatchObject([{ config: made.digest, manifest: null }]);
  });

  it.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /no manifest.json/],
    ['no archive', Buffer.alloc(2000, 'x'), /no tar archive/],
    ['an OCI archive', tarOf([['index.json', json({ manifests: [] })]]), /skopeo copy/],
    ['another archive', tarOf([['readme', Buffer.from('x')]]), /docker save/],
    ['a cut one', tarOf([['manifest.json', Buffer.alloc(600)]]).subarray(0, 700), /cut/],
    [
      'names that lead nowhere',
      tarOf([['manifest.json', json([{ Config: '../../etc/shadow' }])]]),
      /not there/,
    ],
    ['texts that are no JSON', tarOf([['manifest.json', Buffer.from('[')]]), /docker save/],
  ])('is refused where it is %s', async (_, bytes, problem) => {
    const path = join(temporaryDirectory(), 'a.tar');
    writeFileSync(path, bytes);

    await expect(readImages(path)).rejects.toThrow(problem);
  });

  it('gives no image a manifest that is not about it, or whose bytes are not its name', async () => {
    const path = join(temporaryDirectory(), 'a.tar');
    const config = json({ rootfs: { diff_ids: [] } });
    const about = (digest: string) => json({ config: { digest } });
    const lie = digestOf(Buffer.from('other'));
    const named = [lie, digestOf(about(lie))];
    const files: [string, Buffer][] = [
      ['c.json', config],
      ['manifest.json', json([{ Config: 'c.json' }])],
      ['index.json', json({ manifests: named.map((digest) => ({ digest })) })],
      [`blobs/${lie.replace(':', '/')}`, about(digestOf(config))],
      [`blobs/${digestOf(about(lie)).replace(':', '/')}`, about(lie)],
    ];
    writeFileSync(path, tarOf(files));

    expect(await readImages(path)).toMatchObject([{ config: digestOf(config), manifest: null, layers: [] }]);
  });

  it('is refused or read whatever its bytes are, and never for long', async () => {
    const path = join(temporaryDirectory(), 'a.tar');
    const whole = tarOf([
      ['manifest.json', json([{ Config: 'c' }])],
      ['c', json({ rootfs: { diff_ids: [] } })],
    ]);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, byte) => {
        const bytes = Buffer.from(whole);
        bytes[at] = byte;
        writeFileSync(path, bytes);

        const outcome = await readImages(path).catch((error: unknown) => error);

        expect(Array.isArray(outcome) || outcome instanceof Error).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

it('is waited for only so long where it unpacks to more and more', async () => {
  const path = join(temporaryDirectory(), 'image.tar');
  makeArchive(path, 'a layer', 'gzip');

  await expect(readSmallFiles(path, -1)).rejects.toThrow('too long');
  expect([...(await readSmallFiles(path)).keys()]).toContain('manifest.json');
});

describe('an archive made of a layout', () => {
  const bytesOf = async (pieces: AsyncIterable<Uint8Array>) => {
    const all: Uint8Array[] = [];
    for await (const piece of pieces) all.push(piece);
    return Buffer.concat(all);
  };

  it('is of this image alone, is the same each time, and names it as its manifest does', async () => {
    const directory = temporaryDirectory();
    const { layout, digest } = makeLayout(join(directory, 'images'), 'a layer');
    makeLayout(layout, 'of another image');
    const image = await readLayoutImage(layout, digest as Digest);
    const make = () => bytesOf(imageTar(image, (layer) => join(layout, blobPath(layer))));
    const path = join(directory, 'a.tar');

    const bytes = await make();
    writeFileSync(path, bytes);

    const layers = [digestOf(Buffer.from('a layer'))];
    expect(await readImages(path)).toMatchObject([
      { config: digest, manifest: manifestDigest(image), layers },
    ]);
    expect(bytes.equals(await make())).toBe(true);
    expect(spawnSync('tar', ['--list', `--file=${path}`], { encoding: 'utf8' }).stdout.split('\n')).toEqual([
      ...['oci-layout', 'index.json', 'manifest.json', blobPath(manifestDigest(image))],
      ...[blobPath(digest as Digest), ...layers.map(blobPath), ''],
    ]);
  });

  it('ends where a layer has changed its length meanwhile', async () => {
    const { layout, digest } = makeLayout(join(temporaryDirectory(), 'images'), 'a layer');
    const image = await readLayoutImage(layout, digest as Digest);
    truncateSync(join(layout, blobPath(digestOf(Buffer.from('a layer')))), 3);

    const making = bytesOf(imageTar(image, (layer) => join(layout, blobPath(layer))));

    await expect(making).rejects.toThrow('no longer as long');
  });
});

it.each(['pax', 'gnu'])('reads long names as the format %s has them', async (format) => {
  const directory = temporaryDirectory();
  const name = `${'d'.repeat(90)}/${'e'.repeat(120)}/file`;
  mkdirSync(join(directory, name, '..'), { recursive: true });
  writeFileSync(join(directory, name), 'content');
  const path = join(directory, 'a.tar');
  spawnSync('tar', ['--create', `--format=${format}`, `--file=${path}`, `--directory=${directory}`, name]);

  expect([...(await readSmallFiles(path))]).toEqual([[name, Buffer.from('content')]]);
});
