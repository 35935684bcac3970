// Strict JSON: what parsers disagree about is refused, the rest is read.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { type JsonLimits, parseJson } from '../../../shared/encoding/json.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';

const parse = (text: string) => parseJson(utf8(text), 'the test');

describe('parseJson', () => {
  it('reads ordinary documents', () => {
    expect(parse(' {"a": [1, "x:y,{", true, null, {"b": {}}], "c": -7} ')).toEqual({
      a: [1, 'x:y,{', true, null, { b: {} }],
      c: -7,
    });
  });

  it('agrees with JSON.parse on every value of safe integers, strings, booleans, nulls, arrays and objects', () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.maxSafeInteger(),
        fc.string({ unit: 'grapheme' }),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(
          fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
          tie('value'),
          { maxKeys: 5 },
        ),
      ),
    }));
    fc.assert(
      fc.property(value, (sample) => {
        const text = JSON.stringify(sample);
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['a key that ends in a backslash', { 'a\\': 1, b: 2 }],
    ['a text that ends in two', ['a\\\\', 'b', { c: 'd' }]],
    ['quotes behind backslashes', { 'a\\"': '\\"', '"': '"' }],
  ])('finds the end of %s', (_what, value) => {
    expect(parse(JSON.stringify(value))).toEqual(value);
  });

  it.each([
    ['two equal keys', '{"a":1,"a":2}'],
    ['two equal keys deep inside', '[{"x":{"k":"\\"","k":1}}]'],
    ['two keys equal only after their escapes', '{"a":1,"\\u0061":2}'],
    ['the key __proto__', '{"__proto__":{"admin":true}}'],
    ['an escaped __proto__', '{"__pr\\u006fto__":1}'],
    ['a fraction', '{"a":1.5}'],
    ['a number beyond 2^53', '{"a":9007199254740993}'],
    ['minus zero', '{"a":-0}'],
    ['half a surrogate pair', '{"a":"\\ud800"}'],
    ['half a surrogate pair in a key', '{"\\udc00":1}'],
    ['a byte order mark', '\ufeff{}'],
    ['text after the value', '{} {}'],
    ['an unterminated string', '{"a":"b'],
    ['nothing', ''],
    ['a comment', '{} // no'],
  ])('refuses %s', (_what, text) => {
    expect(codeOf(() => parse(text))).toBe('json/invalid');
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(codeOf(() => parseJson(Uint8Array.of(0x22, 0xc3, 0x28, 0x22), 'the test'))).toBe('json/invalid');
  });

  it.each([
    ['bytes', { maxBytes: 10, maxDepth: 9, maxNodes: 9 }, '["aaaaaaaa"]'],
    ['depth', { maxBytes: 100, maxDepth: 3, maxNodes: 9 }, '[[[[]]]]'],
    ['values', { maxBytes: 100, maxDepth: 3, maxNodes: 3 }, '[1,2,3,4,5]'],
    ['bytes', { maxBytes: 9, maxDepth: 9, maxNodes: 9 }, '["aaaaaa"]'],
    ['depth', { maxBytes: 100, maxDepth: 3, maxNodes: 9 }, '{"a":{"a":{"a":{}}}}'],
    ['values', { maxBytes: 100, maxDepth: 3, maxNodes: 3 }, '{"a":1,"b":2,"c":3,"d":4,"e":5}'],
  ])('caps the %s of a document', (_what, limits, text) => {
    expect(codeOf(() => parseJson(utf8(text), 'the test', limits))).toBe('json/too-large');
  });

  it.each([
    ['bytes', { maxBytes: 10, maxDepth: 9, maxNodes: 9 }, '["aaaaaa"]'],
    ['depth', { maxBytes: 100, maxDepth: 3, maxNodes: 9 }, '[[[]],[[]]]'],
    ['values', { maxBytes: 100, maxDepth: 3, maxNodes: 3 }, '[1,2,3,4]'],
    ['values, commas in texts apart', { maxBytes: 100, maxDepth: 3, maxNodes: 1 }, '[",,,[[[[","a"]'],
  ])('takes as many %s as the cap says', (_what, limits, text) => {
    expect(parseJson(utf8(text), 'the test', limits)).toEqual(JSON.parse(text));
  });

  it('takes a document of a mebibyte, and none that is longer', () => {
    const ofLength = (length: number) => utf8(JSON.stringify('a'.repeat(length - 2)));

    expect(parseJson(ofLength(1_048_576), 'the test')).toHaveLength(1_048_574);
    expect(codeOf(() => parseJson(ofLength(1_048_577), 'the test'))).toBe('json/too-large');
  });

  it('refuses a depth that would overflow the stack before it is built', () => {
    const text = '['.repeat(500_000) + ']'.repeat(500_000);
    expect(codeOf(() => parse(text))).toBe('json/too-large');
  });
});

describe('what a parser would take in memory beside the bytes', () => {
  const LOOSE = { maxBytes: 1 << 20, maxDepth: 9, maxNodes: 1_000_000 };
  const refused = (text: string, limits: JsonLimits) =>
    dataOf(
      refusalOf(() => parseJson(utf8(text), 'the test', limits)),
      'json/too-large',
    );
  const taken = (text: string, limits: JsonLimits) =>
    expect(parseJson(utf8(text), 'the test', limits)).toEqual(JSON.parse(text));
  const ones = (count: number) => `[${Array(count).fill(1).join()}]`;
  const keys = (count: number) => `{${Array.from({ length: count }, (_, i) => `"key ${i}":1`).join()}}`;

  it('is bounded by the bytes past the first twenty thousand values, of which a list is two', () => {
    const dense = { ...LOOSE, minBytesPerNode: 1_000_000 };

    taken(ones(19_999), dense);
    expect(refused(ones(20_000), dense)).toEqual({
      source: 'the test',
      limit: 'its number of values',
      value: 20_000,
    });
    taken(`${ones(19_996)}`.replace('1', '[]'), dense);
    expect(refused(ones(19_998).replace('1', '[]'), dense).value).toBe(20_000);
  });

  it('grows with the bytes', () => {
    const dense = { ...LOOSE, minBytesPerNode: 4 };
    // Two bytes a value: the first twenty thousand and half of all.
    taken(ones(39_997), dense);
    expect(refused(ones(40_003), dense).value).toBe(40_001);
  });

  it('is bounded by the number of values also where the bytes would allow more', () => {
    expect(refused('[1,2,3,4]', { ...LOOSE, maxNodes: 3, minBytesPerNode: 1 }).value).toBe(3);
  });

  it.each([
    ['one key after the other', '{"a":1,"b":2}', 2],
    ['the same kind again', '[{"a":1,"b":2},{"a":3,"b":4}]', 2],
    ['the same beginning', '[{"a":1},{"a":3,"b":4}]', 2],
    ['another order', '[{"a":1,"b":2},{"b":3,"a":4}]', 4],
    ['a kind within a kind', '{"a":{"b":1},"c":2}', 3],
    ['one behind a kind within', '[{"a":{"x":1},"b":2},{"b":2}]', 4],
    ['a text that looks like keys', '{"a":"{\\"b\\":1}"}', 1],
  ])('counts the kinds of objects: %s', (_what, text, shapes) => {
    taken(text, { ...LOOSE, maxNames: { shapes, large: 0 } });
    expect(refused(text, { ...LOOSE, maxNames: { shapes: shapes - 1, large: 0 } })).toEqual({
      source: 'the test',
      limit: 'its kinds of objects',
      value: shapes - 1,
    });
  });

  it('counts the keys of an object from the 1,021st on, for an object so large has no kind', () => {
    const limits = (large: number) => ({ ...LOOSE, maxNames: { shapes: 1020, large } });

    taken(keys(1020), limits(0));
    expect(refused(keys(1021), limits(0))).toEqual({
      source: 'the test',
      limit: 'its number of names',
      value: 0,
    });
    taken(keys(1023), limits(3));
    expect(refused(keys(1024), limits(3)).value).toBe(3);
    taken(`[${keys(1020)},${keys(1020)}]`, limits(0));
    expect(refused(`[${keys(1022)},${keys(1022)}]`, limits(3)).value).toBe(3);
  });
});

it('says of text that is no JSON what the parser says', () => {
  const problemOf = (text: string) =>
    dataOf(
      refusalOf(() => parse(text)),
      'json/invalid',
    ).problem;

  expect(problemOf('{"a" 1}')).toMatch(/position|':'/i);
  expect(problemOf('')).not.toBe(problemOf('{"a" 1}'));
  // The parser's own words would show what stands before and behind it.
  expect(problemOf('{"password":hunter2}')).toBe("Unexpected token 'h'");
});
