// The trust directory on a real disk, and the names of files and URLs in it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinUrl, targetUrlPath } from '../../../../agent/adapters/repository/http-source.ts';
import { openTrustStore } from '../../../../agent/adapters/repository/trust-store.ts';
import { historyFile, roleFile, targetFile } from '../../../../agent/core/repository-names.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { codeOf } from '../../../support/error-code.ts';

describe('the store', () => {
  it('reads what was written, and nothing else', async () => {
    const store = await openTrustStore(join(temporaryDirectory(), 'trust'));

    await store.write('root.json', Buffer.from('one'));
    await store.write('root.json', Buffer.from('two'));

    expect(Buffer.from((await store.read('root.json'))!).toString()).toBe('two');
    expect(await store.read('timestamp.json')).toBeNull();
  });

  it('belongs to its owner alone', async () => {
    const directory = join(temporaryDirectory(), 'trust');
    const store = await openTrustStore(directory);
    await store.write('root.json', Buffer.from('one'));
    await store.flush();

    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'root.json')).mode & 0o777).toBe(0o600);
  });

  it('removes files, and does not mind when they are gone', async () => {
    const store = await openTrustStore(temporaryDirectory());
    await store.write('timestamp.json', Buffer.from('one'));

    for (const isFlushed of [false, true]) {
      store.remove('timestamp.json');
      expect(await store.read('timestamp.json')).toBeNull();
      if (isFlushed) await store.flush();
    }
    await store.flush();

    expect(await store.read('timestamp.json')).toBeNull();
  });

  it('lists kept roots by number, not by name, and clears what a killed write left', async () => {
    const directory = temporaryDirectory();
    const store = await openTrustStore(directory);
    for (const version of [10, 9, 1]) await store.write(historyFile(version), Buffer.from('root'));
    await store.flush();
    writeFileSync(join(directory, 'root_history', '.2.root.json.0123456789ab.tmp'), 'half');
    writeFileSync(join(directory, '.timestamp.json.0123456789ab.tmp'), 'half');

    const again = await openTrustStore(directory);

    expect(await again.rootVersions()).toEqual([1, 9, 10]);
    expect(readdirSync(directory).sort()).toEqual(['documents', 'root_history']);
    expect(readdirSync(join(directory, 'root_history'))).toHaveLength(3);
  });
});

describe('what stands in a file’s place and is none', () => {
  const SHA256 = 'a'.repeat(64);
  const SHAPES: readonly (readonly [string, (path: string) => void])[] = [
    ['a directory that is not empty', (path) => mkdirSync(join(path, 'deeper'), { recursive: true })],
    ['a pipe', (path) => void execFileSync('mkfifo', [path])],
    ['a link to itself', (path) => symlinkSync(path, path)],
  ];

  it.each(SHAPES)('counts as absent, and gives way to what was verified: %s', async (_what, stand) => {
    const directory = temporaryDirectory();
    const store = await openTrustStore(directory);
    for (const file of ['timestamp.json', 'listing', `documents/${SHA256}`]) stand(join(directory, file));

    const before = [await store.read('timestamp.json'), await store.documents.read(SHA256)];
    store.remove('timestamp.json');
    await store.write('listing', Buffer.from('new'));
    await store.flush();
    await store.documents.write(SHA256, Buffer.from('new'));

    expect(before).toEqual([null, null]);
    expect(await store.read('timestamp.json')).toBeNull();
    expect(await store.read('listing')).toEqual(Buffer.from('new'));
    expect(await store.documents.read(SHA256)).toEqual(Buffer.from('new'));
  });

  it.each(SHAPES)('goes with the documents that nothing lists any more: %s', async (_what, stand) => {
    const directory = temporaryDirectory();
    const store = await openTrustStore(directory);
    stand(join(directory, 'documents', SHA256));

    await store.documents.keepOnly(new Set());

    expect(readdirSync(join(directory, 'documents'))).toEqual([]);
  });
});

describe('names', () => {
  it('of roles are one path segment that means the role, whatever it is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 15 }), (role) => {
        const file = roleFile(role);

        expect(file).toMatch(/^[A-Za-z0-9._~%-]+\.json$/);
        expect(decodeURIComponent(file.slice(0, -'.json'.length))).toBe(role.toWellFormed());
      }),
    );
  });

  it.each([
    ['../x', '..%2Fx.json'],
    ['..', '...json'],
    ["it's (*)!", 'it%27s%20%28%2A%29%21.json'],
  ])('of role %s are %s', (role, file) => {
    expect(roleFile(role)).toBe(file);
  });

  it('of targets on disk never leave their directory', () => {
    expect(targetFile('a/../../b')).toBe('a%2F..%2F..%2Fb');
    for (const path of ['', '.', '..', 'x'.repeat(201)]) {
      expect(codeOf(() => targetFile(path))).toBe('trust/target-not-found');
    }
  });

  it('of targets in URLs carry the hash before the last segment', () => {
    expect(targetUrlPath('a b/c?.json', 'ff')).toBe('a%20b/ff.c%3F.json');
    expect(targetUrlPath('c.json', null)).toBe('c.json');
    expect(joinUrl('http://x/targets', 'c')).toBe('http://x/targets/c');
    expect(joinUrl('http://x/targets/', 'c')).toBe('http://x/targets/c');
  });

  it.each(['../a', 'a/../b', 'a/..', './a', 'a/./b', '..'])('does not climb in the URL of %s', (path) => {
    expect(codeOf(() => targetUrlPath(path, 'ff'))).toBe('trust/misplaced');
  });
});
