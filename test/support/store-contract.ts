// What a publisher needs of a store, whatever it keeps its files in: every kind of store runs these tests.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyStore } from '../../server/repository/open-store.ts';
import type { LargeFile, RepositoryStore } from '../../server/repository/store.ts';
import { namesIn } from './stores.ts';

const NAME = 'repository/metadata/timestamp.json';
const PACK = `repository/packs/${'a'.repeat(64)}/full.pack`;
const bytes = (text: string) => Buffer.from(text);

/** `open` gives an empty store, and a second door to it as another process has one. */
export function describeStore(
  kind: string,
  open: () => Promise<{ readonly store: RepositoryStore; readonly other: RepositoryStore }>,
): void {
  let store: RepositoryStore;
  let other: RepositoryStore;
  let home: string;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'fairlead-contract-'));
    ({ store, other } = await open());
  });
  afterEach(async () => {
    await store.close();
    await other.close();
    await rm(home, { recursive: true });
  });

  async function fileOf(content: Uint8Array): Promise<string> {
    const file = join(home, createHash('sha256').update(content).digest('hex'));
    await writeFile(file, content);
    return file;
  }

  async function largeAt(name: string): Promise<LargeFile> {
    const file = await store.open(name);
    if (file?.kind !== 'large') throw new Error(`${name} is not large`);
    return file;
  }

  describe(`a store: ${kind}`, () => {
    it('has nothing at first, under any name', async () => {
      expect([await store.read(NAME), await store.tagOf(NAME), await store.open(NAME)]).toEqual([
        null,
        null,
        null,
      ]);
      expect(await namesIn(store)).toEqual([]);
    });

    it('gives what was written, to every process at once', async () => {
      await store.write(NAME, bytes('one'));
      expect(String((await other.read(NAME))?.bytes)).toBe('one');

      await other.write(NAME, bytes('two'));

      expect(String((await store.read(NAME))?.bytes)).toBe('two');
    });

    it('tells one content from the next, and the same from nothing new', async () => {
      await store.write(NAME, bytes('one'));
      const first = await store.read(NAME);
      expect(await other.tagOf(NAME)).toBe(first?.tag);

      await store.write(NAME, bytes('two'));

      expect(await store.tagOf(NAME)).not.toBe(first?.tag);
    });

    it('replaces only what is still there', async () => {
      expect(await store.replace(NAME, bytes('one'), null)).toBe(true);
      const first = await store.tagOf(NAME);
      expect(await other.replace(NAME, bytes('two'), first)).toBe(true);

      expect(await store.replace(NAME, bytes('three'), first)).toBe(false);
      expect(await store.replace(NAME, bytes('three'), null)).toBe(false);

      expect(String((await store.read(NAME))?.bytes)).toBe('two');
    });

    it('clears only what is still there', async () => {
      await store.write('commit.json', bytes('one'));
      const first = (await store.read('commit.json'))?.tag;
      if (first === undefined) throw new Error('it was written');
      await other.write('commit.json', bytes('two'));
      await store.clear('commit.json', first);
      const second = (await store.read('commit.json'))?.tag;
      expect(second).toBeDefined();

      if (second !== undefined) await store.clear('commit.json', second);

      expect(await other.read('commit.json')).toBeNull();
      expect(await other.replace('commit.json', bytes('three'), null)).toBe(true);
    });

    it('is shown to do what publishing needs, any number of times and by two at once', async () => {
      await Promise.all([verifyStore(store), verifyStore(other)]);
      await verifyStore(store);
    });

    it.each([
      'repository/targets/capabilities/core/auth/0a.1.0.0+build~1@x^2.json',
      'repository/targets/a.json',
      'fleet.json',
    ])('takes the name %s', async (name) => {
      await store.write(name, bytes('{}'));

      expect(String((await other.read(name))?.bytes)).toBe('{}');
      expect(await namesIn(store)).toEqual([name]);
    });

    it('lists what begins so, however much it is', async () => {
      const names = Array.from({ length: 60 }, (_, i) => `repository/metadata/${i + 1}.root.json`);
      for (const name of [...names, 'repository/targets/x.json', 'fleet.json'])
        await store.write(name, bytes('{}'));

      expect(await namesIn(store, 'repository/metadata/')).toEqual(names.toSorted());
      expect(await namesIn(store, 'repository/')).toHaveLength(61);
    });

    it('gives small files in whole, with a tag of their bytes', async () => {
      await store.write(NAME, bytes('small'));

      const etag = `"${createHash('sha256').update('small').digest('base64url')}"`;
      expect(await store.open(NAME)).toEqual({ kind: 'small', bytes: bytes('small'), etag });
    });

    it.each([
      ['in one piece', 300_000],
      ['in parts', 17 * 2 ** 20 + 3],
      ['of whole parts', 16 * 2 ** 20],
    ])('takes a file %s and gives any part of it', async (_how, size) => {
      const content = randomBytes(size);
      await store.take(PACK, await fileOf(content));

      const file = await largeAt(PACK);
      const [middle, whole] = [
        await buffer(await file.read(1_000, 200_001)),
        await buffer(await (await largeAt(PACK)).read(0, size)),
      ];

      expect(file.size).toBe(size);
      expect(middle.equals(content.subarray(1_000, 200_001))).toBe(true);
      expect(whole.equals(content)).toBe(true);
      expect(await namesIn(store)).toEqual([PACK]);
    });

    it.each([300_000, 9 * 2 ** 20])('leaves a file of %i bytes that is there already', async (size) => {
      const content = randomBytes(size);
      await store.take(PACK, await fileOf(content));

      await other.take(PACK, await fileOf(randomBytes(size + 1)));

      expect((await buffer(await (await largeAt(PACK)).read(0, size))).equals(content)).toBe(true);
    });

    it('gives another tag to another large file', async () => {
      await store.write(PACK, randomBytes(300_000));
      const before = await largeAt(PACK);
      await store.write(PACK, randomBytes(300_001));
      const after = await largeAt(PACK);
      await before.close();
      await after.close();

      expect(before.etag).toMatch(/^"[^"]+"$/);
      expect(before.etag).not.toBe(after.etag);
    });
  });
}
