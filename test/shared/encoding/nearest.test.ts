// Did you mean: what counts as a slip, and what is no longer near.
import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from '../../../shared/encoding/nearest.ts';

const KEYS = ['health', 'hooks', 'service', 'settings', 'requires', 'reversible', 'notes'];

describe('the nearest known word', () => {
  it.each([
    ['a letter too few', 'helth', 'health'],
    ['a letter too many', 'hookss', 'hooks'],
    ['a wrong letter', 'servise', 'service'],
    ['two letters swapped', 'setitngs', 'settings'],
    ['another case', 'Health', 'health'],
    ['three slips in nine letters', 'revrsibel', 'reversible'],
    ['capitals all over', 'HEALTH', 'health'],
    ['nothing amiss', 'notes', 'notes'],
  ])('is found in spite of %s', (_what, written, word) => {
    expect(nearest(written, KEYS)).toBe(word);
  });

  it.each([
    ['a third of the letters and one are amiss', 'abc', 'abxy'],
    ['two of four letters are amiss', 'abcd', 'abxy'],
    ['four letters of twelve are amiss', 'abcdefghijkl', 'abcdefghwxyz'],
    ['the beginning and the end are amiss', 'abcdef', 'xyabcd'],
    ['nothing is alike', 'proxy', 'health'],
    ['it is much longer', 'health', 'healthandmore'],
    ['the text is longer than any key', `${'a'.repeat(65)}`, 'a'.repeat(64)],
  ])('is none where %s', (_what, written, word) => {
    expect(nearest(written, [word])).toBeNull();
  });

  it.each([
    ['one letter of three', 'abc', 'abx'],
    ['two of six', 'abcdef', 'abcdxy'],
    ['three of nine', 'abcdefghi', 'abcdefxyz'],
    ['one letter in the longest text', 'a'.repeat(64), 'a'.repeat(63)],
  ])('may differ in %s', (_what, written, word) => {
    expect(nearest(written, [word])).toBe(word);
  });

  it('is found in small letters where it is known in capitals', () => {
    expect(nearest('path', ['HOME', 'PATH'])).toBe('PATH');
  });

  it('is the one that differs least, and of equals the first', () => {
    expect(nearest('hook', ['books', 'hooks', 'hool'])).toBe('hooks');
    expect(nearest('hookz', ['books', 'hooks'])).toBe('hooks');
  });

  it('is asked about, or nothing is said', () => {
    expect(didYouMean('helth', KEYS)).toBe('did you mean "health"?');
    expect(didYouMean('proxy', KEYS)).toBe('');
  });
});
