// The index: one canonical form, one digest, and everything a hostile or careless one may hold refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import type { JsonValue } from '../../../shared/encoding/json.ts';
import { parseTreeIndex, parseTreeIndexSliced } from '../../../shared/tree/parse-index.ts';
import { type TreeEntry, treeDigest, treeIndexBytes, treeRefOf } from '../../../shared/tree/tree-index.ts';
import { createTreeIndex, verifyEntries } from '../../../shared/tree/tree-rules.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';

const content = (text: string) => ({ size: text.length, digest: digestOf(utf8(text)) });
const file = (path: string, text = path) => ({
  kind: 'file' as const,
  path,
  mode: 0o644 as const,
  ...content(text),
});
const link = (path: string, target: string) => ({ kind: 'link' as const, path, target });
const name = (i: number) => `${i}`.padStart(4, '0');
const directory = (path: string) => ({ kind: 'directory' as const, path });
const SLICE_BYTES = 32 * 1024;

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

  it.each<[string, TreeEntry[], string, string]>([
    ['a path listed twice', [file('a'), file('a', 'b')], 'a', 'it is listed twice'],
    [
      'a path inside a file',
      [file('a'), file('a/b/c')],
      'a/b/c',
      'it lies inside "a", which is listed as a file',
    ],
    [
      'a path inside a link',
      [link('a', 'x'), file('a/c')],
      'a/c',
      'it lies inside "a", which is listed as a link',
    ],
    [
      'a directory that is not empty',
      [directory('a'), file('a-b'), file('a/b')],
      'a/b',
      'it lies inside "a", which is listed as a directory',
    ],
    ['an escaping link', [link('a', '..')], 'a', 'it leads out of the tree'],
    ['an absolute link', [link('a', '/x')], 'a', 'its target is absolute'],
    [
      'two sizes',
      [file('a', 'x'), { ...file('b', 'x'), size: 2 }],
      'b',
      'another file has its digest and a different size',
    ],
  ])('names the entry and what is wrong: %s', (_, entries, path, problem) => {
    expect(
      dataOf(
        refusalOf(() => createTreeIndex(entries)),
        'tree/entry-refused',
      ),
    ).toEqual({ path, problem });
  });

  it('keeps what stands side by side, however alike', () => {
    const paths = ['a', 'a b/x', 'a-b', 'a.b/c', 'a0', 'ab', 'b/a', 'b/a-b', 'b/ab/c'];

    expect(createTreeIndex(paths.map((path) => file(path))).entries.map(({ path }) => path)).toEqual(paths);
  });

  it.each([
    ['a brace', '}'],
    ['an entry’s end and beginning', '"},{"'],
    ['brackets', '][{'],
    ['a quote', 'a"b"'],
    ['a comma', ','],
  ])('reads again what has %s in its name', (_what, path) => {
    const index = createTreeIndex([file(path), link(`${path}2`, path), directory('z')]);

    expect(parseTreeIndex(treeIndexBytes(index))).toEqual(index);
  });

  it('keeps names apart that differ in letter case or in Unicode form only', () => {
    const index = createTreeIndex([file('A'), file('a'), file('\u00e9'), file('e\u0301')]);

    expect(index.entries).toHaveLength(4);
  });

  it('sorts by bytes, also where UTF-16 sorts differently', () => {
    const index = createTreeIndex([file('\u{1f600}'), file('\uff01'), file('z')]);

    expect(index.entries.map((entry) => entry.path)).toEqual(['z', '\uff01', '\u{1f600}']);
  });

  it.each<[string, string, number, (count: number) => TreeEntry[]]>([
    [
      'entries',
      'its number of entries',
      200_000,
      (count) => Array.from({ length: count }, (_, i) => directory(`d${i}`)),
    ],
    [
      'bytes',
      'the sum of its file sizes',
      2 ** 36,
      (count) => [file('b'), { ...file('a'), size: count - 1 }],
    ],
    [
      'text of links',
      'the text of its links',
      4_194_304,
      (count) => {
        const full = Array.from({ length: 4_000 }, (_, i) => link(name(i), 'x'.repeat(1020)));
        const left = count - 4_000 * 1024;
        return [
          ...full,
          ...Array.from({ length: Math.ceil(left / 1000) }, (_, i) =>
            link(`z${name(i)}`, 'x'.repeat(Math.min(1000, left - i * 1000) - 5)),
          ),
        ];
      },
    ],
    [
      'directories and links',
      'its directories with links',
      250_000,
      (count) => {
        const full = Array.from({ length: 2_499 }, (_, i) => link(`${name(i)}${'/a'.repeat(99)}`, 'x'));
        return [...full, ...Array.from({ length: count - 249_900 }, (_, i) => link(`z${i}`, 'x'))];
      },
    ],
  ])('takes as many %s as an agent would, and no more', (_what, limit, value, of) => {
    expect(createTreeIndex(of(value)).entries.length).toBeGreaterThan(0);
    expect(
      dataOf(
        refusalOf(() => createTreeIndex(of(value + 1))),
        'tree/too-large',
      ),
    ).toEqual({
      ...{ limit, value, found: value + 1 },
    });
  });
});

describe('the rules of a tree rest', () => {
  const restsOf = (entries: readonly TreeEntry[]) => {
    const work = verifyEntries(entries);
    let rests = 0;
    while (work.next().done !== true) rests++;
    return rests;
  };
  const long = (i: number) => Array.from({ length: 4 }, () => `${name(i)}${'x'.repeat(246)}`).join('/');
  const listOf = (count: number, entry: (i: number) => TreeEntry) =>
    Array.from({ length: count }, (_, i) => entry(i));

  it.each<[string, readonly TreeEntry[], number]>([
    ['never over a few', listOf(10, (i) => directory(name(i))), 0],
    ['never over as many as one turn takes', listOf(8191, (i) => directory(name(i))), 0],
    ['at the 8,192nd entry', listOf(8192, (i) => directory(name(i))), 1],
    ['at every 8,192nd entry, file or not', listOf(9999, (i) => file(name(i))), 1],
    ['behind 65,536 characters of paths', listOf(65, (i) => directory(long(i))), 0],
    ['behind as many again', listOf(132, (i) => directory(long(i))), 2],
    [
      'behind 8,192 parts of links, and as many that are followed',
      listOf(100, (i) => link(name(i), 'x/'.repeat(100))),
      1,
    ],
  ])('%s', (_when, entries, rests) => {
    expect(restsOf(entries)).toBe(rests);
  });
});

describe('parseTreeIndex', () => {
  it('reads a slice up to the entry with which it is full, and no entry more', () => {
    const bytesOfOne = (entry: TreeEntry) =>
      treeIndexBytes({ entries: [entry] }).length - treeIndexBytes({ entries: [] }).length;
    const entries: TreeEntry[] = Array.from({ length: 40 }, (_, i) => link(`a${name(i)}`, 'x'.repeat(700)));
    const taken = entries.reduce((sum, entry) => sum + bytesOfOne(entry) + 1, 0);
    const rest = SLICE_BYTES - taken - bytesOfOne(link('b', ''));
    const full = [...entries, link('b', 'x'.repeat(rest))];

    const work = parseTreeIndexSliced(treeIndexBytes({ entries: [...full, file('c'), file('d')] }));

    expect(work.next()).toEqual({ done: false, value: SLICE_BYTES });
  });

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

  it('refuses entries out of order, and says behind which', () => {
    expect(
      dataOf(
        refusalOf(() => parseTreeIndex(bytesOf([file('b'), file('a')]))),
        'tree/entry-refused',
      ),
    ).toEqual({
      path: 'a',
      problem: 'it is listed after "b": paths must be sorted',
    });
  });

  it('refuses more entries than an agent would take before it looks at them', () => {
    const entries = Array.from({ length: 200_001 }, (_, i) => directory(`${i}`.padStart(6, '0')));

    expect(parseTreeIndex(bytesOf(entries.slice(1))).entries).toHaveLength(200_000);
    expect(
      dataOf(
        refusalOf(() => parseTreeIndex(bytesOf(entries))),
        'tree/too-large',
      ),
    ).toMatchObject({
      limit: 'its number of entries',
      value: 200_000,
    });
  });

  const problemOf = (bytes: Uint8Array) =>
    dataOf(
      refusalOf(() => parseTreeIndex(bytes)),
      'tree/index-invalid',
    ).problem;
  const withEntries = (text: string) => utf8(`{"entries":[${text}],"schema":"fairlead/tree@1"}`);
  /** As many as are parsed at once, and not one more. */
  function manyEntries(): string {
    let text = '';
    for (let i = 0; text.length < 32_768; i++) {
      text += `${text === '' ? '' : ','}${JSON.stringify(directory(`${name(i)}${'x'.repeat(200)}`))}`;
    }
    return text;
  }
  const NOT_CANONICAL = 'it is not the canonical JSON of a document of schema fairlead/tree@1';

  it.each([
    ['{"kind":"directory","path":"a"},', 'it lists something that is no entry'],
    [`${manyEntries()},`, 'it ends with a comma'],
    ['"a"', 'it lists something that is no entry'],
    ['{"kind":"directory","path":"a"', 'an entry in it does not end where it should'],
    ['{"kind":"directory","path":"a\\"}', 'an entry in it does not end where it should'],
    ['{"kind":{}}', 'an entry in it does not end where it should'],
    ['{}{}', 'something other than a comma stands between two entries'],
    ['{}', 'entry 0 has no path'],
    ['{"kind":"directory","path":"a"},{"path":1}', 'entry 1 has no path'],
  ])('says what is wrong with a list: %#', (text, problem) => {
    expect(problemOf(withEntries(text))).toBe(problem);
  });

  it.each([
    ['a beginning', utf8('{"entries":[')],
    ['an end', utf8('],"schema":"fairlead/tree@1"}')],
    ['both in one another', utf8('{"entries":[,"schema":"fairlead/tree@1"}')],
    ['a blank before', utf8(' {"entries":[],"schema":"fairlead/tree@1"}')],
    ['a line break behind', utf8('{"entries":[],"schema":"fairlead/tree@1"}\n')],
  ])('is no index with %s alone', (_what, bytes) => {
    expect(problemOf(bytes)).toBe(NOT_CANONICAL);
  });

  it('reads no index above 64 MiB and no entry above 16 KiB', () => {
    const ofLength = (length: number) => {
      const bytes = Buffer.alloc(length, ' ');
      bytes.set(utf8('{"entries":['));
      const tail = utf8('],"schema":"fairlead/tree@1"}');
      bytes.set(tail, length - tail.length);
      return bytes;
    };
    const entryOf = (length: number) =>
      withEntries(`{"kind":"directory","path":"${'a'.repeat(length - 30)}"}`);

    expect(problemOf(ofLength(67_108_864))).toBe('it lists something that is no entry');
    expect(problemOf(ofLength(67_108_865))).toBe(NOT_CANONICAL);
    expect(codeOf(() => parseTreeIndex(entryOf(16_384)))).toBe('tree/entry-refused');
    expect(problemOf(entryOf(16_385))).toBe('an entry in it does not end where it should');
  });

  it.each<[JsonValue, string]>([
    [{ ...good, mode: 0o600 }, 'its mode is neither 0644 nor 0755'],
    [{ ...good, size: -1 }, 'its size is not a count of bytes'],
    [{ ...good, digest: `${good.digest}0` }, 'its digest is not SHA-256'],
    [{ ...good, owner: 'root' }, 'its keys are not those of a file, a link or a directory'],
    [{ kind: 'link', path: 'a', target: 1 }, 'its keys are not those of a file, a link or a directory'],
  ])('says what is wrong with the entry %j', (entry, problem) => {
    expect(
      dataOf(
        refusalOf(() => parseTreeIndex(bytesOf([entry]))),
        'tree/entry-refused',
      ),
    ).toEqual({
      path: 'a',
      problem,
    });
  });

  it('reads files of both modes and of no bytes', () => {
    const entries = [
      { ...good, mode: 0o755 as const },
      { ...file('b', ''), size: 0 },
    ];

    expect(parseTreeIndex(bytesOf(entries)).entries).toEqual(entries);
  });
});
