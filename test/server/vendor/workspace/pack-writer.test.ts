// The vendor's side of a tree: a directory read into an index, and the pack written from it.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants as zlib, zstdCompress } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { writePack } from '../../../../server/vendor/workspace/pack-writer.ts';
import { readTree } from '../../../../server/vendor/workspace/tree-reader.ts';
import { MAX_UNIT_BYTES, PACK_MAGIC, writeFrame } from '../../../../shared/tree/pack-format.ts';
import { treeDigest, treeIndexBytes } from '../../../../shared/tree/tree-index.ts';
import { patternedBytes, subdirectory, temporaryDirectory } from '../../../support/directories.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';

describe('readTree', () => {
  it('lists files with size, digest and one of two modes, links, and directories only where they are empty', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'run'), '#!/bin/sh\n', { mode: 0o751 });
    writeFileSync(join(root, 'data'), 'hello', { mode: 0o602 });
    mkdirSync(join(root, 'lib'));
    writeFileSync(join(root, 'lib/empty'), '');
    mkdirSync(join(root, 'var'));
    symlinkSync('../data', join(root, 'lib/link'));

    const { entries } = await readTree(root);

    expect(
      entries.map((entry) => (entry.kind === 'file' ? [entry.path, entry.mode, entry.size] : entry)),
    ).toEqual([
      ['data', 0o644, 5],
      ['lib/empty', 0o644, 0],
      { kind: 'link', path: 'lib/link', target: '../data' },
      ['run', 0o755, 10],
      { kind: 'directory', path: 'var' },
    ]);
  });

  it('gives one digest to one content, whatever its times, its owner and its other mode bits are', async () => {
    const [first, second] = [temporaryDirectory(), temporaryDirectory()];
    for (const root of [first, second]) writeFileSync(join(root, 'a'), 'same');
    chmodSync(join(second, 'a'), 0o600);
    utimesSync(join(second, 'a'), 0, 0);

    const digests = [await readTree(first), await readTree(second)].map(treeDigest);

    expect(digests[1]).toBe(digests[0]);
  });

  it('reads hard links as files of their own', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'a'), 'x');
    linkSync(join(root, 'a'), join(root, 'b'));

    const { entries } = await readTree(root);

    expect(entries.map((entry) => entry.kind)).toEqual(['file', 'file']);
  });

  it('hashes a file larger than one read as a whole', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'a'), patternedBytes(3 * 2 ** 20 + 17, 'large'));

    const { entries } = await readTree(root);

    const expected = execFileSync('sha256sum', [join(root, 'a')])
      .toString()
      .slice(0, 64);
    expect(entries).toMatchObject([{ digest: `sha256:${expected}` }]);
  });

  it('lets others have a turn while it reads a large file', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'a'), '');
    truncateSync(join(root, 'a'), 64 * 2 ** 20);
    let turns = 0;
    const counting = setInterval(() => turns++, 1);

    await readTree(root);

    clearInterval(counting);
    expect(turns).toBeGreaterThan(0);
  });

  it.each<[string, string, (path: string) => void]>([
    ['a named pipe', 'sub/pipe', (path) => execFileSync('mkfifo', [path])],
    ...[0o4755, 0o2755].map((mode): [string, string, (path: string) => void] => [
      `a file with mode ${mode.toString(8)}`,
      'sub/su',
      (path) => {
        writeFileSync(path, '');
        chmodSync(path, mode);
      },
    ]),
    ['an absolute link', 'sub/etc', (path) => symlinkSync('/etc', path)],
    ['a link out of the tree', 'sub/up', (path) => symlinkSync('../../..', path)],
    [
      'a name with a control character',
      'sub/a\ufffdb',
      (path) => writeFileSync(path.replace('\ufffd', '\u001b'), ''),
    ],
  ])('refuses %s and names it', async (_, path, make) => {
    const root = temporaryDirectory();
    subdirectory(root, 'sub');
    make(join(root, path));

    const error = await rejectionOf(readTree(root));

    expect(dataOf(error, 'tree/entry-refused').path).toBe(path);
  });

  it('refuses a name that is not UTF-8 instead of shipping another', async () => {
    const root = temporaryDirectory();
    writeFileSync(Buffer.concat([Buffer.from(`${root}/a`), Buffer.of(0xff)]), '');

    const error = await rejectionOf(readTree(root));

    expect(error.code).toBe('tree/entry-refused');
  });

  it('says which directory it cannot read', async () => {
    const error = await rejectionOf(readTree(join(temporaryDirectory(), 'absent')));

    expect(error.code).toBe('tree/unreadable');
  });
});

describe('writePack', () => {
  it('writes the same bytes for the same tree', async () => {
    const root = temporaryDirectory();
    const out = temporaryDirectory();
    for (let i = 0; i < 50; i++) writeFileSync(join(root, `f${i}.js`), patternedBytes(20_000, `f${i % 30}`));
    const index = await readTree(root);

    await writePack(root, index, join(out, 'one'));
    const { bytes } = await writePack(root, index, join(out, 'two'));

    const [one, two] = ['one', 'two'].map((name) => readFileSync(join(out, name)));
    expect(two?.equals(one as Buffer)).toBe(true);
    expect(bytes).toBe(one?.length);
  });

  it('has of each unit what zstd makes of its bytes alone, on any number of cores', async () => {
    const root = temporaryDirectory();
    const out = join(temporaryDirectory(), 'pack');
    const length = MAX_UNIT_BYTES / 2 + 1;
    const contents = Array.from({ length: 5 }, (_, i) =>
      // One that becomes no smaller, too: what is given back early is memory of its own.
      i === 0 ? randomBytes(length) : Buffer.alloc(length, patternedBytes(9_000 + i, `${i}`)),
    );
    contents.forEach((bytes, i) => void writeFileSync(join(root, `f${i}.js`), bytes));
    const index = await readTree(root);

    await writePack(root, index, out);

    const params = { [zlib.ZSTD_c_compressionLevel]: 12, [zlib.ZSTD_c_windowLog]: 23 };
    const compress = (bytes: Uint8Array) => promisify(zstdCompress)(bytes, { params });
    const raw = treeIndexBytes(index);
    const packed = await compress(raw);
    const header = {
      ...{ tree: treeDigest(index), base: null, units: 5 },
      index: { packed: packed.length, raw: raw.length },
    };
    const expected = [PACK_MAGIC, writeFrame(header), packed];
    for (const [i, bytes] of contents.entries()) {
      const unit = await compress(bytes);
      expected.push(writeFrame({ files: [i], offset: 0, raw: length, packed: unit.length }), unit);
    }
    expect(readFileSync(out).equals(Buffer.concat(expected))).toBe(true);
  });

  it('stores a content that stands in many files once', async () => {
    const root = temporaryDirectory();
    const out = join(temporaryDirectory(), 'pack');
    writeFileSync(join(root, 'a'), patternedBytes(100_000, 'same'));
    const alone = await writePack(root, await readTree(root), out);
    for (const name of ['b', 'c', 'd']) writeFileSync(join(root, name), patternedBytes(100_000, 'same'));

    const together = await writePack(root, await readTree(root), out);

    expect(together.bytes - alone.bytes).toBeLessThan(300);
  });

  it('tells how far it is, up to all bytes', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'large'), patternedBytes(MAX_UNIT_BYTES + 5, 'large'));
    writeFileSync(join(root, 'small'), 'x');
    const heard: number[] = [];

    await writePack(root, await readTree(root), join(temporaryDirectory(), 'pack'), (bytes) =>
      heard.push(bytes),
    );

    expect(heard).toEqual([MAX_UNIT_BYTES, MAX_UNIT_BYTES + 5, MAX_UNIT_BYTES + 6]);
  });

  it.each<[string, (path: string) => void]>([
    ['holds other bytes', (path) => writeFileSync(path, 'Hello')],
    ['grew', (path) => appendFileSync(path, '!')],
    ['shrank', (path) => writeFileSync(path, 'h')],
    ['is gone', (path) => rmSync(path)],
    [
      'became a link',
      (path) => {
        writeFileSync(`${path}.real`, 'hello');
        rmSync(path);
        symlinkSync('a.real', path);
      },
    ],
    [
      'became a pipe',
      (path) => {
        rmSync(path);
        execFileSync('mkfifo', [path]);
      },
    ],
  ])('refuses a file that %s since it was read, and leaves nothing', async (_, change) => {
    const root = temporaryDirectory();
    const out = temporaryDirectory();
    writeFileSync(join(root, 'a'), 'hello');
    const index = await readTree(root);
    change(join(root, 'a'));

    const error = await rejectionOf(writePack(root, index, join(out, 'pack')));

    expect(dataOf(error, 'tree/changed-while-packing').path).toBe('a');
    expect(readdirSync(out)).toEqual([]);
  });

  it('refuses a large file that changes while it is read, and leaves nothing', async () => {
    const root = temporaryDirectory();
    const out = temporaryDirectory();
    const path = join(root, 'a');
    writeFileSync(path, '');
    truncateSync(path, 8 * MAX_UNIT_BYTES);
    const index = await readTree(root);
    let heard = 0;
    const change = () => {
      if (heard++ === 0) writeSync(openSync(path, 'r+'), 'x', 8 * MAX_UNIT_BYTES - 1);
    };

    const error = await rejectionOf(writePack(root, index, join(out, 'pack'), change));

    expect(dataOf(error, 'tree/changed-while-packing').path).toBe('a');
    expect(heard).toBeGreaterThan(0);
    expect(readdirSync(out)).toEqual([]);
  });

  it('holds no file open that it has read, whether it was refused or not', async () => {
    const root = temporaryDirectory();
    for (let i = 0; i < 20; i++) writeFileSync(join(root, `f${i}`), `hello ${i}`);
    const openOf = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        const target = statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false });
        return target !== undefined && inodes.has(target.ino);
      });
    const inodes = new Set(readdirSync(root).map((name) => statSync(join(root, name)).ino));
    const index = await readTree(root);

    await writePack(root, index, join(temporaryDirectory(), 'pack'));
    appendFileSync(join(root, 'f7'), '!');
    await rejectionOf(writePack(root, index, join(temporaryDirectory(), 'pack')));

    expect(openOf()).toEqual([]);
  });

  it('leaves an older pack alone when it fails', async () => {
    const root = temporaryDirectory();
    const out = temporaryDirectory();
    writeFileSync(join(root, 'a'), 'hello');
    writeFileSync(join(out, 'pack'), 'older');
    const index = await readTree(root);
    rmSync(join(root, 'a'));

    await rejectionOf(writePack(root, index, join(out, 'pack')));

    expect(readFileSync(join(out, 'pack'), 'utf8')).toBe('older');
  });

  it('says that the disk refused when the directory for the pack is missing', async () => {
    const root = temporaryDirectory();

    const error = await rejectionOf(writePack(root, await readTree(root), join(root, 'absent/pack')));

    expect(error.code).toBe('disk/failed');
  });
});
