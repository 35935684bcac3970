// Small encodings: bytes, digests, durations, instants, harmless text.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  equalBytes,
  fromBase64url,
  fromHex,
  toBase64url,
  toHex,
  utf8,
} from '../../../shared/encoding/bytes.ts';
import { digestOf, isDigest, shortDigest, shortenDigests } from '../../../shared/encoding/digest.ts';
import {
  DURATION_PATTERN,
  durationMs,
  formatDuration,
  formatInstant,
  formatInstantMs,
  instantMs,
} from '../../../shared/encoding/instant.ts';
import {
  cutText,
  safeJson,
  sanitizeJsonLine,
  sanitizeLine,
  sanitizeText,
} from '../../../shared/encoding/text.ts';
import { hostileText } from '../../support/hostile-text.ts';

describe('bytes', () => {
  it('returns from hexadecimal and base64url unchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(fromBase64url(toBase64url(bytes))).toEqual(bytes);
        expect(equalBytes(bytes, bytes.slice())).toBe(true);
      }),
    );
  });

  it.each([
    [[1, 2], [1, 2], true],
    [[1, 2], [1, 3], false],
    [[1, 2], [2, 2], false],
    [[1], [1, 2], false],
    [[1, 2], [1], false],
    [[], [], true],
  ])('are equal when they have the same length and every byte the same: %j and %j', (a, b, same) => {
    expect(equalBytes(Uint8Array.from(a), Uint8Array.from(b))).toBe(same);
  });

  it.each(['abc', 'ABCD', '0g', '0x00'])('refuses %s as hexadecimal', (text) => {
    expect(fromHex(text)).toBeNull();
  });

  it.each(['a', 'YWI=', 'YW I', 'YWJ/', 'YWK'])(
    'refuses %s, which no encoder writes, as base64url',
    (text) => {
      expect(fromBase64url(text)).toBeNull();
    },
  );
});

describe('digests', () => {
  it('names SHA-256 of the bytes', () => {
    const digest = digestOf(utf8('abc'));
    expect(digest).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(isDigest(digest)).toBe(true);
    expect(shortDigest(digest)).toBe('ba7816bf8f01');
    expect(shortenDigests(`${digest}, is ${digest}`)).toBe('sha256:ba7816bf8f01…, is sha256:ba7816bf8f01…');
    expect(shortenDigests('a'.repeat(65))).toBe('a'.repeat(65));
  });

  it.each([
    'sha256:abc',
    'sha512:',
    `sha256:${'A'.repeat(64)}`,
    'ba7816bf',
    ` sha256:${'a'.repeat(64)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha256:${'a'.repeat(64)}\n`,
  ])('does not take %s for one', (text) => {
    expect(isDigest(text)).toBe(false);
  });
});

describe('durations', () => {
  it.each([
    ['PT30S', 30_000],
    ['PT1H30M', 5_400_000],
    ['P3D', 259_200_000],
    ['P1DT1S', 86_401_000],
    ['P2DT3H4M5S', 183_845_000],
    ['PT2M', 120_000],
    ['PT3H', 10_800_000],
    ['PT0S', 0],
  ])('reads %s', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  it.each(['', 'P', 'PT', 'P1DT', '30s', 'P1M', 'PT1.5S', '-PT1S', 'PT1S '])('refuses "%s"', (text) => {
    expect(DURATION_PATTERN.test(text)).toBe(false);
    expect(durationMs(text)).toBeNaN();
  });

  it.each([
    [450, '450ms'],
    [999, '999ms'],
    [1_000, '1.0s'],
    [59_949, '59.9s'],
    [59_950, '1m'],
    [3_599_000, '59m 59s'],
    [3_600_000, '1h'],
    [48 * 3_600_000 - 60_000, '47h 59m'],
    [48 * 3_600_000, '2d'],
    [71 * 3_600_000, '2d 23h'],
    [12_340, '12.3s'],
    [59_999, '1m'],
    [65_000, '1m 5s'],
    [5 * 60_000, '5m'],
    [59 * 60_000 + 59_600, '1h'],
    [90 * 60_000, '1h 30m'],
    [50 * 3_600_000, '2d 2h'],
  ])('says %i ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('instants', () => {
  it.each([
    '2026-02-28T23:59:59Z',
    '2024-02-29T00:00:00Z',
    '2026-04-30T12:00:00Z',
    '2026-01-31T09:10:11Z',
    '2026-12-31T19:20:21Z',
  ])('returns unchanged: %s', (text) => {
    expect(formatInstant(instantMs(text))).toBe(text);
  });

  it('are written in whole seconds or with milliseconds, never rounded up', () => {
    const ms = Date.UTC(2026, 1, 28, 23, 59, 59, 999);

    expect([formatInstant(ms), formatInstantMs(ms)]).toEqual([
      '2026-02-28T23:59:59Z',
      '2026-02-28T23:59:59.999Z',
    ]);
    expect(instantMs(formatInstantMs(ms))).toBe(ms);
  });

  it.each([
    '2026-02-30T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-32T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-01-05T24:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-05T00:60:00Z',
    '2026-01-05T00:00:60Z',
    'at 2026-01-05T00:00:00Z',
    '2026-01-05T00:00:00Z(UTC)',
    '2026-01-05T00:00:00.5Z',
    '2026-01-01',
    '2026-01-01T00:00:00+01:00',
    '2026-13-01T00:00:00Z',
    'now',
  ])('refuses %s', (text) => {
    expect(instantMs(text)).toBeNaN();
  });

  it('are what the platform says, of any year, and none where a day or an hour is not there', () => {
    const two = (least: number, most: number) =>
      fc.integer({ min: least, max: most }).map((number) => String(number).padStart(2, '0'));
    const year = fc.oneof(
      fc.constantFrom(0, 1, 4, 100, 400, 1900, 1969, 1970, 2000, 2024, 2100, 9999),
      fc.nat(9999),
    );
    const parts = fc.tuple(year, two(0, 13), two(0, 32), two(0, 23), two(0, 61), two(0, 61));
    const end = fc.constantFrom('Z', '.000Z', '.007Z', '.999Z');
    fc.assert(
      fc.property(parts, end, ([y, m, d, h, min, s], rest) => {
        const text = `${String(y).padStart(4, '0')}-${m}-${d}T${h}:${min}:${s}${rest}`;
        const ms = Date.parse(text);
        const isReal = !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === text.slice(0, 10);

        expect(instantMs(text)).toBe(isReal ? ms : Number.NaN);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('text from the network', () => {
  it('loses what could drive a terminal or reorder what is read', () => {
    expect(sanitizeText('ok\u001b[31m red \u202egnp.exe\u0007\r')).toBe(
      'ok\ufffd[31m red \ufffdgnp.exe\ufffd\ufffd',
    );
  });

  it.each([
    ['a C1 control', '\u009b'],
    ['delete', '\u007f'],
    ['a bidirectional override', '\u202e'],
    ['a bidirectional isolate', '\u2066'],
    ['a zero-width joiner', '\u200d'],
    ['a byte order mark', '\ufeff'],
    ['a line separator', '\u2028'],
    ['a paragraph separator', '\u2029'],
  ])('loses %s', (_what, text) => {
    expect(sanitizeText(`a${text}b`)).toBe('a\ufffdb');
  });

  it.each([
    ['an escape', String.raw`{"a":"\u001b[2K"}`, '{"a":"\ufffd[2K"}\n'],
    ['an escape in capitals', String.raw`{"a":"\u001B\u009F"}`, '{"a":"\ufffd\ufffd"}\n'],
    ['half a pair', String.raw`{"a":"\ud83D"}`, '{"a":"\ufffd"}\n'],
    ['a carriage return', String.raw`{"a":"b\rc\bd\fe"}`, '{"a":"b c d e"}\n'],
    ['what was not escaped', '{"a":"\u001b\n"}\n', '{"a":"\ufffd "}\n'],
    [
      'nothing of what is harmless',
      String.raw`{"a":"\n\t\\u001b\"\u00e4"}`,
      `${String.raw`{"a":"\n\t\\u001b\"\u00e4"}`}\n`,
    ],
  ])('loses in a line of JSON %s', (_what, line, harmless) => {
    expect(sanitizeJsonLine(line)).toBe(harmless);
  });

  it('drives no terminal as JSON, and is read from it as it was', () => {
    const text = fc.oneof(hostileText(40), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(fc.dictionary(text, text), fc.constantFrom(0, 2), (value, indent) => {
        const json = safeJson(value, indent);

        expect(sanitizeText(json)).toBe(json);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('stands on one line as JSON unless it is to be indented', () => {
    expect([safeJson({ a: [1] }), safeJson({ a: 1 }, 2)]).toEqual(['{"a":[1]}', '{\n  "a": 1\n}']);
    expect(safeJson('\u009b\u{e0041}')).toBe('"\\u009b\\udb40\\udc41"');
  });

  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['a\u{1F600}b', 3, 'a…'],
    ['a\u{1F600}b', 2, 'a…'],
    ['\ud7ff\ue000\udbff\udfff', 3, '\ud7ff\ue000…'],
    ['\ud800\udc00\ud800\udc00', 3, '\ud800\udc00…'],
  ])('of %j are cut to %i units, and never within a character', (text, max, start) => {
    expect(cutText(text, max)).toBe(start);
  });

  it('keeps line breaks and tabs in prose, and none of them on a line', () => {
    expect(sanitizeText('a\n\tb')).toBe('a\n\tb');
    expect(sanitizeLine('a\n\tb')).toBe('a b');
    expect(sanitizeLine('x'.repeat(300), 10)).toBe(`${'x'.repeat(9)}…`);
  });

  it.each([
    [40, ' '],
    [41, ' …'],
    [1_000_000, ' …'],
  ])('on a line is looked at no further than four times its length: %i line breaks', (breaks, line) => {
    expect(sanitizeLine('\n'.repeat(breaks), 10)).toBe(line);
    expect(sanitizeLine(`${'\n'.repeat(breaks)}abc`, 10)).toBe(' …');
    expect(sanitizeLine(`${'\n'.repeat(37)}abc`, 10)).toBe(' abc');
  });

  it('takes 200 characters of a line unless another number is said', () => {
    expect(sanitizeLine('x'.repeat(200))).toBe('x'.repeat(200));
    expect(sanitizeLine('x'.repeat(201))).toBe(`${'x'.repeat(199)}…`);
  });
});
