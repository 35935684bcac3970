// Words that a shell takes as they were meant.
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellWord } from '../../../shared/errors/entry.ts';

describe('a word of a command line', () => {
  it('stands as it is where a shell reads nothing into it', () => {
    expect(shellWord('/var/lib/fairlead')).toBe('/var/lib/fairlead');
    expect(shellWord('http://127.0.0.1:8080')).toBe('http://127.0.0.1:8080');
  });

  it.each([...'@%+=:,./-_', 'a', 'Z', '0'])('stands as it is with a %s in it', (character) => {
    expect(shellWord(`a${character}`)).toBe(`a${character}`);
  });

  it.each(['', ' ', 'a b', '$HOME', '~', 'a;b', '*', '&', 'é', 'a\nb'])('stands in quotes as %j', (text) => {
    expect(shellWord(text)).toBe(`'${text}'`);
  });

  it('comes out of a shell as it went in', () => {
    const text = fc.string({ unit: 'grapheme-ascii', minLength: 0, maxLength: 30 });
    const words = fc.sample(text, { numRuns: 200, seed: 7 });

    const line = `printf '%s\\0' ${words.map(shellWord).join(' ')}`;

    expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(words);
  });
});
