// Canonical JSON beside the implementation that other TUF clients use.
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { type JsonValue, parseJson } from '../../../shared/encoding/json.ts';

// The library behind tuf-js, found from where tuf-js keeps it.
const fromTufJs = createRequire(createRequire(import.meta.url).resolve('tuf-js'));
const theirs = fromTufJs('@tufjs/canonical-json') as { canonicalize(value: unknown): string };

const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary-ascii' }),
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ unit: 'binary-ascii' }).filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4 },
    ),
  ),
}));

describe('canonicalize', () => {
  it('writes what tuf-js writes', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(fromUtf8(canonicalize(value))).toBe(theirs.canonicalize(value));
      }),
    );
  });

  it('gives the same bytes whatever the order of keys', () => {
    expect(canonicalize({ b: 1, a: { d: 2, c: 3 } })).toEqual(canonicalize({ a: { c: 3, d: 2 }, b: 1 }));
  });

  it('sorts keys by code point, so that every language agrees above U+FFFF', () => {
    expect(fromUtf8(canonicalize({ '\u{1F600}': 1, '\uFFFD': 2 }))).toBe('{"\uFFFD":2,"\u{1F600}":1}');
  });

  it('leaves control characters as they are, as the format says', () => {
    expect(fromUtf8(canonicalize('a\n"\\'))).toBe('"a\n\\"\\\\"');
  });

  it('writes texts longer than the pieces it collects, and many of them, as tuf-js does', () => {
    const piece = fc.integer({ min: 0, max: 60_000 }).map((length) => 'é"'.repeat(length / 2));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.nat(200_000), (texts, hint) => {
        const written = canonicalize(texts, hint);
        expect(Buffer.from(written).equals(utf8(theirs.canonicalize(texts)))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('writes the same of a value that is in order already, whatever its keys and texts are made of', () => {
    const plain = ['', '10', '9', '\uFFFD', '"', '\\', '\n', '\u007F', '\u2028', 'é'];
    const textOf = (parts: readonly string[]) =>
      fc.array(fc.constantFrom(...parts), { maxLength: 4 }).map((some) => some.join(''));
    const leaf = fc.oneof(textOf([...plain, '\u{1F600}', '\uD800']), fc.maxSafeInteger(), fc.constant(-0));
    const flat = fc.dictionary(textOf(plain), leaf, { maxKeys: 5 });
    const sorted = <Value>(object: Record<string, Value>) =>
      Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
    fc.assert(
      fc.property(fc.dictionary(textOf(plain), flat.map(sorted), { maxKeys: 5 }).map(sorted), (value) => {
        expect(Buffer.from(canonicalize(value))).toEqual(Buffer.from(theirs.canonicalize(value)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps no more memory than its bytes, and copies nothing of what has to be put in order where its size was said', () => {
    const [short, long] = [
      { b: 'abc', a: 1 },
      { b: 'b'.repeat(99_986), a: 1 },
    ];
    expect(canonicalize('abc', 100_000).buffer.byteLength).toBe(5);
    expect(canonicalize(short).buffer.byteLength).toBe(17);
    expect(canonicalize(short, 100_000).buffer.byteLength).toBe(100_000);
    expect(canonicalize(long, 100_000).buffer.byteLength).toBe(100_000);
  });

  it('leaves out what is undefined, as the text that is sent does', () => {
    const value = { a: undefined, b: 1, c: undefined } as unknown as JsonValue;

    expect(fromUtf8(canonicalize(value))).toBe('{"b":1}');
  });

  it('refuses a fraction', () => {
    for (const value of [0.5, { a: { b: 0.5 } }, [2 ** 53], Number.NaN])
      expect(() => canonicalize(value)).toThrow(TypeError);
  });

  it('survives a round trip through strict JSON where no control character stands in a string', () => {
    const value = { z: [1, { y: 'ä' }], a: null, m: true };
    expect(parseJson(canonicalize(value), 'the test')).toEqual(value);
    expect(parseJson(utf8(JSON.stringify(value)), 'the test')).toEqual(value);
  });
});
