// Building a tree from a pack: everything the index lists and nothing else, whole, for everybody to read, when it says so.
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import type { PackContents } from '../../../shared/node/pack-reader.ts';
import { directoriesOf } from '../../../shared/node/tree-places.ts';
import { isAsStored, storedMode, unpackTree } from '../../../shared/node/unpack.ts';
import type { UnpackedPart } from '../../../shared/tree/pack-steps.ts';
import {
  type TreeEntry,
  type TreeFile,
  treeDigest,
  treeIndexBytes,
} from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';

const umask = process.umask();
afterEach(() => {
  process.umask(umask);
});

function fileOf(path: string, text: string, mode: 0o644 | 0o755 = 0o644): TreeFile {
  return { kind: 'file', path, mode, size: text.length, digest: digestOf(utf8(text)) };
}
const link = (path: string, target: string): TreeEntry => ({ kind: 'link', path, target });
const run = (file: TreeFile, text: string, offset = 0): UnpackedPart => ({
  ...{ file, offset, length: text.length, bytes: utf8(text) },
});

function packOf(entries: readonly TreeEntry[], ...units: readonly (readonly UnpackedPart[])[]): PackContents {
  const index = createTreeIndex(entries);
  const header = { tree: treeDigest(index), base: null, index: { packed: 1, raw: 1 }, units: units.length };
  async function* each() {
    yield* units;
  }
  return { header, index, indexBytes: treeIndexBytes(index), units: each() };
}
async function unpack(pack: PackContents, directory = temporaryDirectory()): Promise<string> {
  await unpackTree(pack, pack.header.tree, directory);
  return directory;
}
const modeOf = (path: string) => lstatSync(path).mode & 0o7777;

const A = fileOf('a', 'first and second');
const B = fileOf('deep/down/b', 'bytes', 0o755);
const EMPTY = fileOf('empty', '');

describe('a tree', () => {
  it('is there as its index says, whatever the umask, and a content in every file that has it', async () => {
    process.umask(0o077);
    const again = { ...A, path: 'deep/again', mode: 0o755 as const };
    const entries = [
      A,
      again,
      B,
      EMPTY,
      link('deep/link', '../a'),
      { kind: 'directory' as const, path: 'void' },
    ];
    const units = [[run(A, 'first ')], [run(A, 'and second', 6)], [run(B, 'bytes'), run(EMPTY, '')]];

    const directory = await unpack(packOf(entries, ...units));

    expect(readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()).toEqual(
      ['a', 'deep', 'deep/again', 'deep/down', 'deep/down/b', 'deep/link', 'empty', 'void'].toSorted(),
    );
    const text = (path: string) => readFileSync(join(directory, path), 'utf8');
    expect(['a', 'deep/again', 'deep/down/b', 'empty'].map(text)).toEqual([
      'first and second',
      'first and second',
      'bytes',
      '',
    ]);
    expect(['a', 'deep/again', 'deep/down/b', 'empty'].map((path) => modeOf(join(directory, path)))).toEqual([
      0o444, 0o555, 0o555, 0o444,
    ]);
    expect(['deep', 'deep/down', 'void'].map((path) => modeOf(join(directory, path)))).toEqual([
      0o755, 0o755, 0o755,
    ]);
    expect(readlinkSync(join(directory, 'deep/link'))).toBe('../a');
  });

  it('is whole the moment it says so, however much it holds', async () => {
    process.umask(0o077);
    const names = Array.from({ length: 300 }, (_, i) => `${i}`.padStart(3, '0'));
    const entries = [
      ...names.map((name) => link(`l${name}`, 'x')),
      ...names.map((name): TreeEntry => ({ kind: 'directory', path: `d${name}` })),
    ];

    const directory = await unpack(packOf(entries));

    expect(
      names.filter((name) => lstatSync(join(directory, `l${name}`), { throwIfNoEntry: false }) === undefined),
    ).toEqual([]);
    expect(names.filter((name) => modeOf(join(directory, `d${name}`)) !== 0o755)).toEqual([]);
  });

  it('is not finished where content is missing, is another, or comes twice', async () => {
    const refused = async (...units: readonly (readonly UnpackedPart[])[]) =>
      (await rejectionOf(unpack(packOf([A, B], ...units)))).code;

    expect(await refused([run(A, 'first and second')])).toBe('tree/pack-damaged');
    expect(await refused([run(A, 'first and another')])).toBe('tree/mismatch');
    expect(await refused([run(B, 'bytes')], [run(B, 'bytes')])).toBe('tree/pack-damaged');
  });

  it('is written over nothing that stands in its place', async () => {
    const occupied = temporaryDirectory();
    writeFileSync(join(occupied, 'a'), 'kept');
    const beside = temporaryDirectory();
    mkdirSync(join(beside, 'deep'));

    await expect(unpack(packOf([A], [run(A, 'first and second')]), occupied)).rejects.toMatchObject({
      code: 'EEXIST',
    });
    await expect(unpack(packOf([B], [run(B, 'bytes')]), beside)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(join(occupied, 'a'), 'utf8')).toBe('kept');
    expect(statSync(join(beside, 'deep')).isDirectory()).toBe(true);
  });
});

it.each<[string, boolean, (path: string) => void]>([
  ['it with its mode and size', true, (path) => writeFileSync(path, '', { mode: 0o444 })],
  ['a longer one', false, (path) => writeFileSync(path, 'x', { mode: 0o444 })],
  ['one that may be written to', false, (path) => writeFileSync(path, '', { mode: 0o644 })],
  ['one that runs as its owner', false, (path) => execFileSync('install', ['-m4444', '/dev/null', path])],
  ['a pipe that reads as empty, too', false, (path) => execFileSync('mkfifo', ['-m444', path])],
])('an empty file, where there is %s, is as it was stored: %j', (_, isSo, make) => {
  const path = join(temporaryDirectory(), 'empty');
  make(path);

  expect(isAsStored(lstatSync(path, { bigint: true }), EMPTY)).toBe(isSo);
});

it('every directory on the way is made, parents first', () => {
  const entries = [
    B,
    fileOf('deep/x', 'x'),
    { kind: 'directory' as const, path: 'void/within' },
    link('l/ink', 'x'),
  ];

  expect(directoriesOf(createTreeIndex(entries))).toEqual(['deep', 'deep/down', 'l', 'void', 'void/within']);
  expect([storedMode(0o644), storedMode(0o755)]).toEqual([0o444, 0o555]);
});
