// The repository as the world reads it: from memory where it is small, never a directory, never older than it may be.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectoryStore } from '../../../server/repository/directory-store.ts';
import { createPublicFiles, type PublicFiles } from '../../../server/repository/public-files.ts';
import type { RepositoryStore } from '../../../server/repository/store.ts';

let home: string;
let dir: string;
let now: number;
let files: PublicFiles;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fairlead-files-'));
  dir = join(home, 'repository');
  await mkdir(join(dir, 'metadata'), { recursive: true });
  await mkdir(join(dir, 'packs', 'a'.repeat(64)), { recursive: true });
  now = 0;
  files = createPublicFiles(createDirectoryStore(home), () => now);
});
afterEach(() => rm(home, { recursive: true }));

async function textOf(path: string): Promise<string | null> {
  const file = await files.find(path);
  if (file === null) return null;
  if (file.kind === 'small') return file.bytes.toString();
  return text(await file.read(0, file.size));
}

describe('a name whose content changes', () => {
  const TIMESTAMP = 'metadata/timestamp.json';
  beforeEach(async () => {
    await writeFile(join(dir, TIMESTAMP), 'one');
    expect(await textOf(TIMESTAMP)).toBe('one');
    await writeFile(join(dir, TIMESTAMP), 'two');
  });

  it('is answered from memory for a moment', async () => {
    now = 999;
    expect(await textOf(TIMESTAMP)).toBe('one');
  });

  it('is read again after that moment, for another process may have written it', async () => {
    now = 1000;
    expect(await textOf(TIMESTAMP)).toBe('two');
  });

  it('is read again at once when this process has written it', async () => {
    files.changed();
    expect(await textOf(TIMESTAMP)).toBe('two');
  });
});

describe('a name that is not there yet', () => {
  it('is remembered as missing for a moment only', async () => {
    expect(await textOf('metadata/2.root.json')).toBeNull();
    await writeFile(join(dir, 'metadata/2.root.json'), 'root');
    expect(await textOf('metadata/2.root.json')).toBeNull();

    now = 1000;

    expect(await textOf('metadata/2.root.json')).toBe('root');
  });
});

describe('a name with a version in it', () => {
  it('is kept for good', async () => {
    await writeFile(join(dir, 'metadata/1.root.json'), 'root');
    await textOf('metadata/1.root.json');
    await rm(join(dir, 'metadata/1.root.json'));
    now = 1e9;
    files.changed();

    expect(await textOf('metadata/1.root.json')).toBe('root');
  });
});

describe('a patch', () => {
  it('is read again after a moment, for it may be gone or replaced, whatever digests stand in its name', async () => {
    const path = `packs/${'a'.repeat(64)}/${'b'.repeat(64)}.patch`;
    await writeFile(join(dir, path), 'one');
    await textOf(path);
    await writeFile(join(dir, path), 'two');

    now = 1000;

    expect(await textOf(path)).toBe('two');
  });
});

describe('memory', () => {
  it('holds a bounded number of bytes, the newest of them', async () => {
    for (let i = 1; i <= 200; i++) {
      await writeFile(join(dir, `metadata/${i}.releases.json`), Buffer.alloc(200_000, 0x20));
      await textOf(`metadata/${i}.releases.json`);
    }
    await rm(join(dir, 'metadata'), { recursive: true });

    expect(await textOf('metadata/1.releases.json')).toBeNull();
    expect(await textOf('metadata/200.releases.json')).toHaveLength(200_000);
  });

  it('is not filled by names that are nothing', async () => {
    for (let i = 0; i < 100_000; i++) await files.find(`nowhere/${i}.json`);
    expect(await textOf('metadata/1.root.json')).toBeNull();
  });
});

describe('a large file', () => {
  it('is given open, with its size, and changes its tag with its content', async () => {
    const path = `packs/${'a'.repeat(64)}/full.pack`;
    await writeFile(join(dir, path), Buffer.alloc(300_000));
    const before = await files.find(path);
    await writeFile(join(dir, path), Buffer.alloc(300_001));
    const after = await files.find(path);

    expect([before?.kind, after?.kind]).toEqual(['large', 'large']);
    expect(before?.etag).not.toBe(after?.etag);
    for (const file of [before, after]) if (file?.kind === 'large') await file.close();
  });
});

describe('nothing is found', () => {
  it.each([
    '',
    'metadata',
    'metadata/',
    'packs',
    '../fairlead.db',
    'metadata/../../fairlead.db',
    'metadata/..',
    'metadata/./timestamp.json',
    'metadata//timestamp.json',
    '/etc/passwd',
    'metadata/.hidden.json',
    'metadata/a\\..\\b',
    'metadata/a\u0000b',
    'metadata/a\nb',
    'other/file.json',
    `metadata/${'a'.repeat(300)}.json`,
    `metadata/${'a/'.repeat(20)}x`,
    'x'.repeat(10_000),
    'metadata/timestamp.json/more.json',
  ])('at %j', async (path) => {
    await writeFile(join(dir, 'metadata/timestamp.json'), 'x');
    await writeFile(join(dir, 'metadata/.hidden.json'), 'x');

    expect(await files.find(path)).toBeNull();
  });

  it('at a directory, by any name', async () => {
    await symlink(dir, join(dir, 'metadata', 'here'));

    expect(await files.find('metadata/here')).toBeNull();
    expect(await files.find(`packs/${'a'.repeat(64)}`)).toBeNull();
  });
});

describe('a store that is away', () => {
  const TIMESTAMP = 'metadata/timestamp.json';
  let trouble: 'none' | 'fails' | 'hangs';
  let asked: number;
  beforeEach(async () => {
    trouble = 'none';
    asked = 0;
    const store = createDirectoryStore(home);
    const open: RepositoryStore['open'] = (name) => {
      asked++;
      if (trouble === 'hangs') return new Promise(() => undefined);
      return trouble === 'fails' ? Promise.reject(new Error('away')) : store.open(name);
    };
    files = createPublicFiles({ ...store, open }, () => now);
    await writeFile(join(dir, TIMESTAMP), 'one');
    expect(await textOf(TIMESTAMP)).toBe('one');
    now = 5_000;
  });

  it.each(['fails', 'hangs'] as const)(
    '(%s) leaves what is remembered, and asks for it once at a time',
    async (how) => {
      trouble = how;

      const given = await Promise.all(Array.from({ length: 100 }, () => textOf(TIMESTAMP)));

      expect(new Set(given)).toEqual(new Set(['one']));
      expect(asked).toBe(2);
    },
  );

  it('leaves it also after something was published, and gives the new one once it is back', async () => {
    trouble = 'fails';
    files.changed();
    expect(await textOf(TIMESTAMP)).toBe('one');
    await writeFile(join(dir, TIMESTAMP), 'two');
    trouble = 'none';

    expect(await textOf(TIMESTAMP)).toBe('two');
  });

  it('fails for what nobody asked for before', async () => {
    trouble = 'fails';

    await expect(files.find('metadata/2.root.json')).rejects.toThrow('away');
    trouble = 'none';
    expect(await files.find('metadata/2.root.json')).toBeNull();
  });

  it('is asked once for what many want at the same time', async () => {
    await writeFile(join(dir, 'metadata/7.snapshot.json'), 'seven');

    const given = await Promise.all(Array.from({ length: 100 }, () => textOf('metadata/7.snapshot.json')));

    expect(new Set(given)).toEqual(new Set(['seven']));
    expect(asked).toBe(2);
  });
});
