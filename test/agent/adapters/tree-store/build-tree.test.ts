// Building a tree, whatever brings it: all of it is durable in the end, also where no program syncs it at once.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { buildTree } from '../../../../agent/adapters/tree-store/build-tree.ts';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { createTreeIndex } from '../../../../shared/tree/tree-rules.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const TEXT = utf8('text');
const FILE = { kind: 'file', mode: 0o644, size: TEXT.length, digest: digestOf(TEXT) } as const;
const INDEX = createTreeIndex([
  { ...FILE, path: 'a/b/file' },
  { kind: 'directory', path: 'empty' },
  { kind: 'link', path: 'link', target: 'a/b/file' },
  { ...FILE, path: 'top' },
]);

async function unpack(files: string): Promise<void> {
  for (const directory of ['a', 'a/b', 'empty']) mkdirSync(join(files, directory));
  for (const file of ['a/b/file', 'top']) writeFileSync(join(files, file), TEXT);
  symlinkSync('a/b/file', join(files, 'link'));
}

/** With these programs and no others, and this mask. */
function surrounded(programs: Readonly<Record<string, string>>): string {
  const above = temporaryDirectory();
  const found = { path: process.env.PATH, mask: process.umask(0o077) };
  process.env.PATH = join(above, 'programs');
  onTestFinished(() => {
    process.env.PATH = found.path;
    process.umask(found.mask);
  });
  mkdirSync(join(above, 'programs'));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(above, 'programs', name), script);
    chmodSync(join(above, 'programs', name), 0o755);
  }
  return above;
}

const build = (staging: string, shareable: boolean) =>
  buildTree(
    { index: INDEX, indexBytes: utf8('the index') },
    {
      staging,
      shareable,
      diskSpace: async () => ({ blockBytes: 4096, freeBytes: 2 ** 40, freeInodes: 2 ** 20 }),
    },
    unpack,
  );

describe('a tree that is built', () => {
  it.each([
    [true, ' shareable:444'],
    [false, ''],
  ])('is synced once, when all of it has its mode; shareable: %s', async (shareable, mark) => {
    const list =
      '/usr/bin/find . -type d -printf "%P:%m " -o -name "[is]*" -printf "%P:%m " | /usr/bin/tr " " "\\n"';
    const script = `#!/bin/sh\ncd "$2" && { echo "$@"; ${list} | LC_ALL=C /usr/bin/sort | /usr/bin/tr "\\n" " "; } >> ../said\n`;
    const above = surrounded({ sync: script });

    await build(join(above, 'staging'), shareable);

    const [words, found, ...more] = readFileSync(join(above, 'said'), 'utf8').split('\n');
    expect([words, more]).toEqual([`-f ${join(above, 'staging')}`, []]);
    expect(found?.trim()).toBe(
      `:755 files/a/b:700 files/a:700 files/empty:700 files:755 index.json:444${mark}`,
    );
  });

  it.each([true, false])(
    'is synced path by path where no program does it; shareable: %s',
    async (shareable) => {
      const above = surrounded({});
      const staging = join(above, 'staging');
      const handle = await open(above);
      const synced: string[] = [];
      const syncs = vi.spyOn(Object.getPrototypeOf(handle), 'sync');
      syncs.mockImplementation(async function sync(this: { readonly fd: number }) {
        synced.push(readlinkSync(`/proc/self/fd/${this.fd}`));
      });
      onTestFinished(() => syncs.mockRestore());
      await handle.close();

      await build(staging, shareable);

      const inside = ['files/a', 'files/a/b', 'files/a/b/file', 'files/empty', 'files/top'];
      const expected = ['', 'files', ...inside, 'index.json', ...(shareable ? ['shareable'] : [])];
      expect(synced.toSorted()).toEqual(expected.map((path) => join(staging, path)).toSorted());
      expect(existsSync(join(staging, 'shareable'))).toBe(shareable);
    },
  );
});
