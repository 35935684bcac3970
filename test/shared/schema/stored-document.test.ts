// The programs' own documents on disk: what is written is read again, and half a character that an earlier version left is mended.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fromUtf8, utf8 } from '../../../shared/encoding/bytes.ts';
import { encodeStored, parseStored, STORED_LIMITS } from '../../../shared/schema/stored-document.ts';
import { codeOf } from '../../support/error-code.ts';

const schema = z.record(z.string(), z.union([z.string(), z.array(z.string())]));
const parse = (text: string) => parseStored(schema, utf8(text), 'it');

describe('a stored document', () => {
  it('is indented by two, or as it is asked to be', () => {
    expect(fromUtf8(encodeStored(schema, { a: 'b' }, 'it'))).toBe('{\n  "a": "b"\n}');
    expect(fromUtf8(encodeStored(schema, { a: 'b' }, 'it', undefined))).toBe('{\n  "a": "b"\n}');
    expect(fromUtf8(encodeStored(schema, { a: 'b' }, 'it', 0))).toBe('{"a":"b"}');
  });

  it('comes back as it was written but for halves of characters, whatever text came into it', () => {
    const texts = fc.string({
      unit: fc.constantFrom('a', '\\', '"', 'u', 'd', '8', '\ud83d', '\ude00', '\n'),
    });
    fc.assert(
      fc.property(texts, fc.array(texts, { maxLength: 3 }), (a, list) => {
        const read = parseStored(schema, encodeStored(schema, { a, list }, 'it'), 'it');

        expect(read).toEqual({ a: a.toWellFormed(), list: list.map((one) => one.toWellFormed()) });
      }),
    );
  });

  it('is not written where it could not be read again', () => {
    const hostile = { a: 1 } as unknown as z.input<typeof schema>;

    expect(codeOf(() => encodeStored(schema, hostile, 'it'))).toBe('document/invalid');
    expect(codeOf(() => encodeStored(z.unknown(), { a: 0.5 }, 'it'))).toBe('json/invalid');
  });

  it('that an earlier version wrote is read, whole characters and what looks like half of one as they are', () => {
    const texts = fc.string({
      unit: fc.constantFrom('a', '\\', '"', 'u', 'd83d', '\ud83d', '\ude00', '\udfff'),
    });
    fc.assert(
      fc.property(texts, (text) => {
        expect(parse(JSON.stringify({ a: text }))).toEqual({ a: text.toWellFormed() });
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['half a character at the beginning', String.raw`"\ud83d"`, '"\ufffd"'],
    ['two in a row', String.raw`"\ude00\ud83d"`, '"\ufffd\ufffd"'],
    ['one behind a backslash', String.raw`"\\\udfff"`, `${String.raw`"\\`}\ufffd"`],
  ])('is mended: %s', (_what, written, read) => {
    expect(parseStored(z.string(), utf8(written), 'it')).toBe(JSON.parse(read));
  });

  it.each([
    ['a key that stands twice', '{"a":"b","a":"c"}', 'json/invalid'],
    ['a key that stands twice beside half a character', String.raw`{"a":"\ud800","a":"c"}`, 'json/invalid'],
    ['no JSON', '{', 'json/invalid'],
    ['another document', '{"a":1}', 'document/invalid'],
    ['another document with half a character', String.raw`{"a":"\ud800","b":1}`, 'document/invalid'],
  ])('is refused as what it is: %s', (_what, text, code) => {
    expect(codeOf(() => parse(text))).toBe(code);
  });

  it('is mended in no time, however many backslashes stand in it', () => {
    const text = '\\'.repeat(200_000);
    const begun = performance.now();

    expect(parse(JSON.stringify({ a: text, b: '\ud83d' }))).toEqual({ a: text, b: '\ufffd' });

    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it('is refused where it is no text at all', () => {
    expect(codeOf(() => parseStored(schema, Uint8Array.of(0xff), 'it'))).toBe('json/invalid');
  });

  it('may be larger than what is taken from others', () => {
    expect(STORED_LIMITS).toEqual({ maxBytes: 67_108_864, maxDepth: 32, maxNodes: 4_000_000 });
    const long = { a: 'x'.repeat(2 << 20) };

    expect(parseStored(schema, encodeStored(schema, long, 'it'), 'it')).toEqual(long);
  });
});
