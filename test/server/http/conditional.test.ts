// What of a file is sent: nothing to whoever has it, the part that was asked for, or the whole.
import { describe, expect, it } from 'vitest';
import { isUnchanged, parseRange } from '../../../server/http/routes/repository.ts';

const ETAG = '"abc"';

describe('an entity tag', () => {
  it.each([
    ['the same', ETAG, true],
    ['the same, weakened by a proxy', `W/${ETAG}`, true],
    ['one of several', `"x", ${ETAG}`, true],
    ['any', '*', true],
    ['another', '"abcd"', false],
    ['unquoted', 'abc', false],
    ['nothing', undefined, false],
    ['empty', '', false],
  ])('%s', (_what, sent, unchanged) => {
    expect(isUnchanged(sent, ETAG)).toBe(unchanged);
  });
});

describe('a range of ten bytes', () => {
  it.each([
    ['a part', 'bytes=2-5', { start: 2, end: 6 }],
    ['the rest', 'bytes=7-', { start: 7, end: 10 }],
    ['past the end', 'bytes=7-99', { start: 7, end: 10 }],
    ['the last ones', 'bytes=-3', { start: 7, end: 10 }],
    ['more last ones than there are', 'bytes=-30', { start: 0, end: 10 }],
    ['from behind the end', 'bytes=10-', 'unsatisfiable'],
    ['the last none', 'bytes=-0', 'unsatisfiable'],
    ['backwards', 'bytes=5-2', null],
    ['several', 'bytes=0-1,4-5', null],
    ['of another unit', 'lines=0-1', null],
    ['of nothing', 'bytes=-', null],
    ['huge numbers', `bytes=${'9'.repeat(400)}-`, null],
    ['none', undefined, null],
  ])('%s', (_what, range, expected) => {
    expect(parseRange({ range }, ETAG, 10)).toEqual(expected);
  });

  it.each([
    ['of this file is a part', ETAG, { start: 2, end: 10 }],
    ['of another file is the whole', '"old"', null],
    ['of a date is the whole', 'Fri, 20 Nov 2026 12:00:00 GMT', null],
  ])('when it goes on with one %s', (_what, ifRange, expected) => {
    expect(parseRange({ range: 'bytes=2-', 'if-range': ifRange }, ETAG, 10)).toEqual(expected);
  });
});
