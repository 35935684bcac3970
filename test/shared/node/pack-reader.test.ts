// Reading a pack from the disk: every unit in turn, what stands behind the last, and what a release promised of the tree.
import { writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { readPack, readPackIndex, verifyPack } from '../../../shared/node/pack-reader.ts';
import { PACK_MAGIC, writeFrame } from '../../../shared/tree/pack-format.ts';
import { type TreeFile, treeDigest, treeIndexBytes, treeRefOf } from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { dataOf, rejectionOf } from '../../support/error-code.ts';

const CONTENTS = ['the first', 'the second', 'the third'].map(utf8);
const files = CONTENTS.map(
  (content, i): TreeFile => ({
    ...{ kind: 'file', path: `f${i}`, mode: 0o644, size: content.length, digest: digestOf(content) },
  }),
);
const index = createTreeIndex(files);
const ref = treeRefOf(index);

const handles: FileHandle[] = [];
afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.close();
});

/** A pack on the disk with one file in each unit, these in this order, and whatever is to follow. */
async function packWith(positions: readonly number[], more = ''): Promise<FileHandle> {
  const indexBytes = treeIndexBytes(index);
  const packedIndex = zstdCompressSync(indexBytes);
  const units = positions.flatMap((position) => {
    const content = CONTENTS[position] ?? new Uint8Array();
    const packed = zstdCompressSync(content);
    const frame = writeFrame({ files: [position], offset: 0, raw: content.length, packed: packed.length });
    return [frame, packed];
  });
  const measures = { packed: packedIndex.length, raw: indexBytes.length };
  const header = writeFrame({ tree: ref.digest, base: null, index: measures, units: positions.length });
  const path = join(temporaryDirectory(), 'pack');
  writeFileSync(path, Buffer.concat([PACK_MAGIC, header, packedIndex, ...units, utf8(more)]));
  const handle = await open(path);
  handles.push(handle);
  return handle;
}

describe('a pack on the disk', () => {
  it('has its index first', async () => {
    expect(await readPackIndex(await packWith([0, 1, 2]), ref.digest)).toEqual(index);
  });

  it('is read unit after unit', async () => {
    const pack = await readPack(await packWith([2, 0, 1]), ref);
    const read: string[] = [];
    for await (const parts of pack.units) read.push(parts.map(({ bytes }) => Buffer.from(bytes)).join());

    expect([pack.header.tree, read]).toEqual([treeDigest(index), ['the third', 'the first', 'the second']]);
  });

  it('is whole where every content stands in it once, and tells of each as it goes', async () => {
    const told: unknown[] = [];

    await verifyPack(
      await packWith([1, 0, 2]),
      ref,
      (done, total) => told.push([done, total]),
      (part) => told.push(part.file.path),
    );

    expect(told).toEqual(['f1', [1, 3], 'f0', [2, 3], 'f2', [3, 3]]);
  });

  it.each<[string, readonly number[], string, string]>([
    ['a content missing', [0, 1], '', 'the content of 1 file is missing'],
    ['a content twice', [0, 1, 2, 2], '', 'a content stands in it twice'],
    ['something behind its last unit', [0, 1, 2], 'x', 'bytes follow its last unit'],
  ])('is damaged with %s', async (_what, positions, more, problem) => {
    const refusal = await rejectionOf(verifyPack(await packWith(positions, more), ref, () => undefined));

    expect(dataOf(refusal, 'tree/pack-damaged').problem).toBe(problem);
  });

  it.each([
    ['files', { ...ref, files: 4 }],
    ['bytes', { ...ref, bytes: ref.bytes + 1 }],
  ])('is not the one whose %s were signed', async (_what, promised) => {
    const pack = await packWith([0, 1, 2]);

    expect((await rejectionOf(readPack(pack, promised))).code).toBe('tree/mismatch');
    expect((await rejectionOf(verifyPack(pack, promised, () => undefined))).code).toBe('tree/mismatch');
  });
});
