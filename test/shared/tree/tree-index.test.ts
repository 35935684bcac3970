// The index: one canonical form, one digest, and everything a hostile or careless one may hold refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import type { JsonValue } from '../../../shared/encoding/json.ts';
import { parseTreeIndex } from '../../../shared/tree/parse-index.ts';
import { type TreeEntry, treeDigest, treeIndexBytes, treeRefOf } from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';
import { codeOf } from '../../support/error-code.ts';

const content = (text: string) => ({ size: text.length, digest: digestOf(utf8(text)) });
const file = (path: string, text = path) => ({
  kind: 'file' as const,
  path,
  mode: 0o644 as const,
  ...content(text),
});
const link = (path: string, target: string) => ({ kind: 'link' as const, path, target });
const directory = (path: string) => ({ kind: 'directory' as const, path });

describe('the digest of a tree', () => {
  const entries: TreeEntry[] = [file('b.js'), file('a/x'), link('c', 'b.js'), directory('empty')];

  it('is the same whatever order the entries were found in', () => {
    const found = treeDigest(createTreeIndex(entries));
    const foundBackwards = treeDigest(createTreeIndex([...entries].reverse()));

    expect(foundBackwards).toBe(found);
  });

  it.each<[string, TreeEntry]>([
    ['the content', file('b.js', 'c.js')],
    ['the mode', { ...file('b.js'), mode: 0o755 }],
    ['the path', file('b2.js', 'b.js')],
    ['the kind', link('b.js', 'a/x')],
  ])('changes with %s of an entry', (_, changed) => {
    const others = entries.slice(1).map((entry) => (entry.kind === 'link' ? directory('c') : entry));

    expect(treeDigest(createTreeIndex([changed, ...others]))).not.toBe(
      treeDigest(createTreeIndex([file('b.js'), ...others])),
    );
  });

  it('is fixed by the format: a known tree has a known digest', () => {
    const index = createTreeIndex([file('a', 'hello'), link('b', 'a'), directory('c')]);

    expect(new TextDecoder().decode(treeIndexBytes(index))).toBe(
      '{"entries":[{"digest":"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","kind":"file",' +
        '"mode":420,"path":"a","size":5},{"kind":"link","path":"b","target":"a"},{"kind":"directory","path":"c"}],' +
        '"schema":"fairlead/tree@1"}',
    );
  });

  it('counts files and bytes for the release that signs it', () => {
    const ref = treeRefOf(createTreeIndex(entries));

    expect(ref).toMatchObject({ files: 2, bytes: 'b.js'.length + 'a/x'.length });
  });

  it('survives writing and reading for any tree', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
      .filter((s) => /^[^/\\.\p{C}]+$/u.test(s));
    const paths = fc.uniqueArray(name, { maxLength: 30 });
    fc.assert(
      fc.property(paths, (names) => {
        const written = createTreeIndex(
          names.map(
            (path, i) =>
              [file(path), link(path, 'x'), directory(path), file(`${path}/f`)][i % 4] as TreeEntry,
          ),
        );

        const read = parseTreeIndex(treeIndexBytes(written));

        expect(read).toEqual(written);
        const paths = read.entries.map((entry) => Buffer.from(entry.path));
        expect(paths.toSorted(Buffer.compare)).toEqual(paths);
      }),
    );
  });
});

describe('createTreeIndex', () => {
  it.each<[string, TreeEntry[]]>([
    ['a path listed twice', [file('a'), file('a', 'b')]],
    ['a file and a link of one path', [file('a'), link('a', 'b')]],
    ['a path inside a file', [file('a'), file('a/b')]],
    ['a path deep inside a file', [file('a'), file('a/b/c/d')]],
    ['a path inside a link', [link('a', 'b'), file('a/c'), file('b/x')]],
    ['a listed directory that is not empty', [directory('a'), file('a/b')]],
    ['an escaping path', [file('../a')]],
    ['an absolute link', [link('a', '/etc')]],
    ['an escaping link', [link('a/b', '../../c')]],
    ['a link that climbs out behind dots', [link('a', './././../..')]],
    ['a link that climbs out behind empty parts', [link('d/a', './/..//../c')]],
    ['links that escape only together', [link('a/up', '..'), link('b', 'a/up/..')]],
    ['a loop of links', [link('a', 'b'), link('b', 'a')]],
    ['two sizes for one digest', [file('a', 'x'), { ...file('b', 'x'), size: 2 }]],
  ])('refuses %s', (_, entries) => {
    expect(codeOf(() => createTreeIndex(entries))).toBe('tree/entry-refused');
  });

  it('keeps names apart that differ in letter case or in Unicode form only', () => {
    const index = createTreeIndex([file('A'), file('a'), file('\u00e9'), file('e\u0301')]);

    expect(index.entries).toHaveLength(4);
  });

  it('sorts by bytes, also where UTF-16 sorts differently', () => {
    const index = createTreeIndex([file('\u{1f600}'), file('\uff01'), file('z')]);

    expect(index.entries.map((entry) => entry.path)).toEqual(['z', '\uff01', '\u{1f600}']);
  });

  it('refuses more entries than an agent would take', () => {
    const entries = Array.from({ length: 200_001 }, (_, i) => directory(`d${i}`));

    expect(codeOf(() => createTreeIndex(entries))).toBe('tree/too-large');
  });

  it('refuses more bytes than an agent would take', () => {
    const huge = { ...file('a'), size: 2 ** 36 + 1 };

    expect(codeOf(() => createTreeIndex([huge]))).toBe('tree/too-large');
  });
});

describe('parseTreeIndex', () => {
  const good = { ...file('a') };
  const bytesOf = (entries: JsonValue, more: object = {}) =>
    canonicalize({ schema: 'fairlead/tree@1', entries, ...more });
  const betweenEntries = (sign: string) => {
    const text = new TextDecoder().decode(bytesOf([directory('a'), directory('b')]));
    return utf8(text.replace('},{', `}${sign}{`));
  };

  it.each<[string, JsonValue]>([
    ['setuid', { ...good, mode: 0o4755 }],
    ['setgid', { ...good, mode: 0o2755 }],
    ['writable by everyone', { ...good, mode: 0o666 }],
    ['without a mode', { kind: 'file', path: 'a', size: good.size, digest: good.digest }],
    ['of negative size', { ...good, size: -1 }],
    ['with text as size', { ...good, size: '1' }],
    ['with a digest of another algorithm', { ...good, digest: 'md5:00' as Digest }],
    ['with a key too many', { ...good, owner: 'root' }],
    ['of kind device', { kind: 'device', path: 'a', major: 1, minor: 3 }],
    ['of kind hard link', { kind: 'hardlink', path: 'a', target: 'b' }],
    ['a link without a target', { kind: 'link', path: 'a' }],
    ['a directory with a target', { kind: 'directory', path: 'a', target: 'b' }],
  ])('refuses an entry %s', (_, entry) => {
    expect(codeOf(() => parseTreeIndex(bytesOf([entry])))).toBe('tree/entry-refused');
  });

  it.each<[string, Uint8Array]>([
    ['an unknown schema', canonicalize({ schema: 'fairlead/tree@2', entries: [] })],
    ['a key too many', bytesOf([], { base: 'x' })],
    ['entries that are no list', bytesOf({ a: 1 })],
    ['an entry that is no object', bytesOf(['a'])],
    ['an entry without a path', bytesOf([{ kind: 'directory' }])],
    ['another document', canonicalize([])],
    ['bytes that are not JSON', utf8('{"entries":[')],
    ['bytes that are not UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['entries with another sign between them', betweenEntries(';')],
    ['entries with nothing between them', betweenEntries('')],
    ['entries with two commas between them', betweenEntries(',,')],
    ['entries with a space between them', betweenEntries(', ')],
    ['a key written twice', utf8('{"entries":[],"entries":[],"schema":"fairlead/tree@1"}')],
  ])('refuses %s', (_, bytes) => {
    expect(codeOf(() => parseTreeIndex(bytes))).toBe('tree/index-invalid');
  });

  it('refuses entries out of order', () => {
    expect(codeOf(() => parseTreeIndex(bytesOf([file('b'), file('a')])))).toBe('tree/entry-refused');
  });
});
