// Files of an index by one expression: what it takes strict parsing takes as the same, and whatever else stands there is left to that.
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { parseJson } from '../../../shared/encoding/json.ts';
import { parseTreeIndex } from '../../../shared/tree/parse-index.ts';
import { plainFilesAt } from '../../../shared/tree/plain-files.ts';
import { codeOf } from '../../support/error-code.ts';

const DIGEST = digestOf(utf8('content'));
const textOf = (path: string, more: object = {}) => {
  const { size = '7', mode = '420', kind = '"file"' } = more as Record<string, string>;
  return `{"digest":"${DIGEST}","kind":${kind},"mode":${mode},"path":"${path}","size":${size}}`;
};
const takenOf = (bytes: Uint8Array, about = 32) => plainFilesAt(bytes, 0, about, 1_000_000);

it.each(['a', 'a b', 'a!', "it's", 'ä/中/😀', '{}[],:', '\u007f', '\u2028', `${'x'.repeat(1023)}y`])(
  'takes a file with the path %j as strict parsing does',
  (path) => {
    const text = textOf(path, { mode: '493', size: '0' });

    const taken = takenOf(utf8(text));
    expect(taken?.files).toEqual([parseJson(utf8(text), 'it')]);
    expect(taken?.end).toBe(utf8(text).length);
  },
);

it('takes them up to the one with which it is full, and begins where it is told to', () => {
  const list = utf8(['a', 'b', 'c', 'd'].map((path) => textOf(path)).join(','));
  const one = textOf('a').length;

  expect(takenOf(list, 1)?.files.map(({ path }) => path)).toEqual(['a']);
  expect(takenOf(list, one)?.files.map(({ path }) => path)).toEqual(['a']);
  expect(takenOf(list, one + 1)?.files.map(({ path }) => path)).toEqual(['a', 'b']);
  expect(plainFilesAt(list, one + 1, 1, 1_000_000)).toMatchObject({
    files: [{ path: 'b' }],
    end: 2 * one + 1,
  });
  expect(plainFilesAt(list, 0, one + 1, one + 2)).toBeNull();
});

describe('leaves to strict parsing', () => {
  const latin = Buffer.from(textOf('caf\u00e9'), 'latin1');
  it.each<[string, Uint8Array]>([
    ['a path with an escape', utf8(textOf('a\\u0062'))],
    ['a path with a quote', utf8(textOf('a\\"b'))],
    ['a path with a sign that is none in JSON', utf8(textOf('a\nb'))],
    ['an empty path', utf8(textOf(''))],
    ['a path that is too long', utf8(textOf('x'.repeat(1025)))],
    ['bytes that are not UTF-8', latin],
    ['the sign that stands for such bytes', utf8(textOf('a\ufffd'))],
    ['another mode', utf8(textOf('a', { mode: '511' }))],
    ['a size with an exponent', utf8(textOf('a', { size: '1e3' }))],
    ['a size with a nought before it', utf8(textOf('a', { size: '07' }))],
    ['a negative size', utf8(textOf('a', { size: '-1' }))],
    ['a size beyond what is counted exactly', utf8(textOf('a', { size: '9007199254740993' }))],
    ['another kind', utf8(textOf('a', { kind: '"link"' }))],
    ['a comma behind the last', utf8(`${textOf('a')},`)],
    ['nothing between two', utf8(textOf('a') + textOf('b'))],
    ['a space between two', utf8(`${textOf('a')}, ${textOf('b')}`)],
    ['what follows', utf8(`${textOf('a')},{"kind":"directory","path":"b"}`)],
    ['nothing', utf8('')],
  ])('%s', (_what, bytes) => {
    expect(takenOf(bytes, 4_096)).toBeNull();
  });
});

it.each([
  ['in a path', `${textOf(`${'x'.repeat(40_000)}},{`)}`],
  ['that ends a text in the middle', textOf(`${'x'.repeat(40_000)}},{"digest":"`)],
])('refuses an index with what stands between entries %s', (_what, entry) => {
  const bytes = utf8(`{"entries":[${entry}],"schema":"fairlead/tree@1"}`);

  expect(codeOf(() => parseTreeIndex(bytes))).toBe('tree/index-invalid');
});
