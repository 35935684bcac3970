// The bytes of an open pack: handed out front to back, however the disk gives them, and none believed before it is there.
import type { FileHandle } from 'node:fs/promises';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf, shortDigest } from '../../../shared/encoding/digest.ts';
import { createPackSource, parseIndexInTurns } from '../../../shared/node/pack-source.ts';
import type { PackSteps, PackWant } from '../../../shared/tree/pack-steps.ts';
import { treeIndexBytes } from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';
import { dataOf, rejectionOf } from '../../support/error-code.ts';

const tree = digestOf(utf8('tree'));

/** A file that says how long it is, and gives no more than `most` bytes at a time; `size` is believed to be its length. */
function fileOf(content: string, { most = 1000, size = content.length } = {}): FileHandle {
  const bytes = utf8(content);
  const handle = {
    stat: async () => ({ size }),
    read: async (buffer: Uint8Array, offset: number, length: number, position: number) => {
      const part = bytes.subarray(position, position + Math.min(length, most));
      buffer.set(part, offset);
      return { bytesRead: part.length };
    },
  };
  return handle as unknown as FileHandle;
}

function* asking(...wants: readonly PackWant[]): PackSteps<readonly string[]> {
  const given: string[] = [];
  for (const want of wants) given.push(Buffer.from(yield want).toString());
  return given;
}

describe('the source of a pack', () => {
  it.each([1, 2, 5, 1000])(
    'gives what is asked for where the disk gives %i bytes at a time',
    async (most) => {
      const source = createPackSource(fileOf('abcdefghij', { most }), tree);

      expect(await source.run(asking(3, 0, 4, 1))).toEqual(['abc', '', 'defg', 'h']);
      expect(await source.run(asking(2))).toEqual(['ij']);
      await source.requireEnd();
    },
  );

  it.each([
    ['one byte more than there is', fileOf('abc'), 4],
    ['a gigabyte', fileOf('abc'), 2 ** 30],
    ['what was cut off since it was measured', fileOf('abc', { size: 10 }), 5],
    ['the rest of such a file, byte by byte', fileOf('abc', { size: 10, most: 1 }), 5],
  ])('refuses %s', async (_what, file, want) => {
    const source = createPackSource(file, tree);

    expect(dataOf(await rejectionOf(source.run(asking(want))), 'tree/pack-damaged')).toEqual({
      tree: shortDigest(tree),
      problem: 'it ends early',
    });
  });

  it('lets everybody else have a turn while what was read ahead is handed out', async () => {
    let turns = 0;
    const turn = setInterval(() => turns++, 1);
    function* slowly(): PackSteps<void> {
      for (let i = 0; i < 20; i++) {
        yield 1;
        for (const began = performance.now(); performance.now() - began < 5; );
      }
    }
    await createPackSource(fileOf('a'.repeat(20)), tree).run(slowly());
    clearInterval(turn);

    expect(turns).toBeGreaterThanOrEqual(5);
  });

  it('counts what was taken before', async () => {
    const source = createPackSource(fileOf('abcdef'), tree);
    await source.run(asking(4));

    expect((await rejectionOf(source.run(asking(3)))).code).toBe('tree/pack-damaged');
    expect(await source.run(asking(2))).toEqual(['ef']);
  });

  it('is not at its end while a byte is left', async () => {
    const source = createPackSource(fileOf('abc'), tree);
    await source.run(asking(2));

    expect(dataOf(await rejectionOf(source.requireEnd()), 'tree/pack-damaged').problem).toBe(
      'bytes follow its last unit',
    );
  });

  it('decompresses what is large where others can go on, to exactly what it says', async () => {
    const source = createPackSource(fileOf(''), tree);
    const packed = zstdCompressSync(utf8('content'));

    expect(await source.run(asking({ packed, raw: 7 }))).toEqual(['content']);
    for (const wrong of [
      { packed, raw: 6 },
      { packed: utf8('no'), raw: 7 },
    ]) {
      expect(dataOf(await rejectionOf(source.run(asking(wrong))), 'tree/pack-damaged').problem).toBe(
        'a part of it does not decompress to the size it names',
      );
    }
  });
});

it('an index is read in turns to what it is', async () => {
  const entries = Array.from({ length: 30_000 }, (_, i) => ({ kind: 'directory' as const, path: `d${i}` }));
  const index = createTreeIndex(entries);
  let turns = 0;
  let isRead = false;
  const others = (async () => {
    for (; !isRead; turns++) await new Promise((next) => setImmediate(next));
  })();

  expect(await parseIndexInTurns(treeIndexBytes(index))).toEqual(index);

  isRead = true;
  await others;
  expect(turns).toBeGreaterThan(1);
});
