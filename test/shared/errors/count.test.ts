// Numbers in sentences.
import { describe, expect, it } from 'vitest';
import { count, formatBytes } from '../../../shared/errors/entry.ts';
import { readSources } from '../../support/source-tree.ts';

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

describe('numbers in sentences', () => {
  it('go through the one function that knows a plural from a one', () => {
    const written =
      /\$\{[^{}]*(?:length|size|count|seconds|needed|found|documents|packs|changes|metadata)\} (?:[a-z]+ )?[a-z]+s\b/;
    // What is compared with a bound is never one, and `2 of 3 signatures` is said of one, too.
    const plural =
      /bytes|characters|parts| of \$\{|passed all|instances have|suffices|contradicts|lists|is |was |has /;
    const wrong = readSources('agent', 'server', 'shared').flatMap(({ path, lines }) =>
      lines
        .filter((line) => written.test(line) && !plural.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );

    expect(wrong).toEqual([]);
  });
});
