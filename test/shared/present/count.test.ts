// Numbers in sentences.
import { describe, expect, it } from 'vitest';
import { count, formatBytes } from '../../../shared/present/table.ts';

describe('count', () => {
  it.each([
    [0, '0 files'],
    [1, '1 file'],
    [2, '2 files'],
  ])('%i', (number, words) => {
    expect(count(number, 'file')).toBe(words);
  });

  it('takes a plural that an s does not make', () => {
    expect([count(1, 'entry', 'entries'), count(3, 'entry', 'entries')]).toEqual(['1 entry', '3 entries']);
  });
});

describe('formatBytes', () => {
  it.each([
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_999, '1000.0 kB'],
    [1_000_000, '1.0 MB'],
    [9_124_001, '9.1 MB'],
    [1_000_000_000, '1.0 GB'],
  ])('%i', (bytes, words) => {
    expect(formatBytes(bytes)).toBe(words);
  });
});
