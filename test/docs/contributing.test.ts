// The page for contributors: the files it names for a change are those in which such a change can be found.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSources } from '../support/source-tree.ts';

const PAGE = readFileSync(new URL('../../docs/contributing.md', import.meta.url), 'utf8');
const sources = readSources('shared', 'agent', 'server');

/** Files of the programs in which one of the tokens stands. */
function filesWith(tokens: string): readonly string[] {
  const patterns = [...tokens.matchAll(/`([^`]+)`/g)].map(([, token = '']) => new RegExp(token));
  return sources
    .filter(({ text }) => patterns.some((pattern) => pattern.test(text)))
    .map(({ path }) => path)
    .sort();
}

const listed = [...PAGE.matchAll(/^\| (`[^|]+) \| (`[^|]+\.ts`) \|$/gm)];

describe('docs/contributing.md', () => {
  it('walks through changes', () => {
    expect(listed.length).toBe(8);
  });

  it.each(listed.map(([, tokens = '', files = '']) => [tokens, files]))(
    'names the files of a change as in %s',
    (tokens, files) => {
      const named = [...files.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file).sort();
      expect(filesWith(tokens)).toEqual(named);
    },
  );
});
