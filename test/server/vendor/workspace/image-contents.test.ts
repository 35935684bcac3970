// What is inside of images is a statement that is signed: what is wrong with one is told, and never what was wrong with the machine that looked.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { readContents } from '../../../../server/vendor/workspace/image-contents.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { type MadeArchive, makeLayout, savedImage, tarOf } from '../../../support/image-archive.ts';

const PACKAGE = tarOf([['app/node_modules/a/package.json', Buffer.from('{"name":"a","version":"1.0.0"}')]]);

const releaseOf = (image: object) =>
  ({ service: { driver: 'compose', images: [image] } }) as CapabilityRelease;

/** Of an archive in a tree, which `place` may look for elsewhere. */
function look(
  { digest, archive }: Pick<MadeArchive, 'digest' | 'archive'>,
  scratch = temporaryDirectory(),
  place: (path: string) => string = () => archive,
) {
  return readContents(releaseOf({ archive: 'a.tar', digest, name: 'a:1' }), place, scratch);
}

it('is what its layers have', async () => {
  const [contents] = (await look(savedImage(join(temporaryDirectory(), 'a.tar'), PACKAGE))).values();

  expect(contents).toMatchObject({ packages: [{ purl: 'pkg:npm/a@1.0.0' }], unread: [] });
});

it.each<[string, (file: string) => Pick<MadeArchive, 'digest' | 'archive'>, RegExp]>([
  [
    'an archive that is none',
    (archive) => {
      writeFileSync(archive, 'x'.repeat(600));
      return { archive, digest: `sha256:${'0'.repeat(64)}` };
    },
    /^it is no tar archive$/,
  ],
  [
    'a layer that is none',
    (archive) => savedImage(archive, Buffer.from('x'.repeat(600))),
    /^it is no tar archive$/,
  ],
  [
    'an archive of another one',
    (archive) => ({ ...savedImage(archive, PACKAGE), digest: `sha256:${'0'.repeat(64)}` }),
    /^its archive holds another one$/,
  ],
  ['an archive that gzip made and somebody cut', cutBy(gzipSync), /^unexpected end of file$/],
  ['an archive that zstd made and somebody cut', cutBy(zstdCompressSync), /^unexpected end of file$/],
  [
    'an archive that zstd made and somebody changed',
    (archive) => {
      const made = savedImage(archive, PACKAGE);
      const packed = zstdCompressSync(readFileSync(archive));
      writeFileSync(archive, packed.fill(0xff, 12));
      return made;
    },
    /^Data corruption detected$/,
  ],
  ['an archive with a file larger than any disk', withHugeFile, /^it is no tar archive$/],
])('is not known of %s, and that is said', async (_, make, expected) => {
  const [contents] = (await look(make(join(temporaryDirectory(), 'a.tar')))).values();

  expect(contents).toMatch(expected);
});

it.each<[string, Error]>([
  ['want of memory', new RangeError('Array buffer allocation failed')],
  ["zlib's want of memory", Object.assign(new Error('out of memory'), { code: 'Z_MEM_ERROR' })],
  ["zstd's want of memory", Object.assign(new Error('x'), { code: 'ZSTD_error_memory_allocation' })],
  ['a mistake of ours', new TypeError('x is not a function')],
])('is not made up of %s: that stops the build', async (_, error) => {
  const made = savedImage(join(temporaryDirectory(), 'a.tar'), PACKAGE);
  const failing = () => {
    throw error;
  };

  await expect(look(made, temporaryDirectory(), failing)).rejects.toBe(error);
});

it('is not made up where the machine refuses a file: that stops the build', async () => {
  const made = savedImage(join(temporaryDirectory(), 'a.tar'), PACKAGE);
  const taken = join(temporaryDirectory(), 'scratch');
  writeFileSync(taken, 'no directory');
  const failed = (problem: string) => ({ code: 'disk/failed', data: expect.objectContaining({ problem }) });

  await expect(look(made, taken)).rejects.toMatchObject(failed('ENOTDIR'));
  await expect(look(made, temporaryDirectory(), () => '/proc/none')).rejects.toMatchObject(failed('ENOENT'));
});

it('is not made up where the disk is full', async () => {
  const made = savedImage(join(temporaryDirectory(), 'a.tar'), PACKAGE);
  const full = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
  };
  const scratch = temporaryDirectory();

  await expect(look(made, scratch, full)).rejects.toMatchObject({
    code: 'disk/full',
    data: expect.objectContaining({ path: scratch }),
  });
});

it('lets through what is an error of ours already', async () => {
  const { digest } = makeLayout(join(temporaryDirectory(), 'images'), 'x');
  const error = new FairleadError('file/missing', { path: 'x' });
  const reading = readContents(
    releaseOf({ layout: 'images', digest, name: 'a:1' }),
    () => {
      throw error;
    },
    temporaryDirectory(),
  );

  await expect(reading).rejects.toBe(error);
});

function cutBy(pack: (bytes: Buffer) => Buffer) {
  return (archive: string) => {
    const made = savedImage(archive, PACKAGE);
    writeFileSync(archive, pack(readFileSync(archive)).subarray(0, -9));
    return made;
  };
}

/** Its layer says that it has as many bytes as a number can say exactly. */
function withHugeFile(archive: string): MadeArchive {
  const made = savedImage(archive, PACKAGE);
  const bytes = readFileSync(archive);
  const header = bytes.subarray(bytes.indexOf(`blobs/sha256/${digestOf(PACKAGE).slice(7)}`)).subarray(0, 512);
  header.fill(0, 124, 136)[124] = 0x80;
  header.writeBigUInt64BE(BigInt(Number.MAX_SAFE_INTEGER), 128);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  writeFileSync(archive, bytes);
  return made;
}
