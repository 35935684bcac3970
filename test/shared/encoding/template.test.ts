// Templates: one pass over the text, whatever it holds.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTemplate } from '../../../shared/encoding/text.ts';

const written = (text: string) =>
  parseTemplate(text)
    .map((part) =>
      part.kind === 'variable' ? `<${part.name}>` : part.kind === 'unclosed' ? `!${part.text}` : part.text,
    )
    .join('|');

describe('a template', () => {
  it.each([
    ['', ''],
    ['plain', 'plain'],
    ['a ${b} c', 'a |<b>| c'],
    ['${a}${b}', '<a>|<b>'],
    ['${}', '<>'],
    ['$${a}', '${|a}'],
    ['$$${a}', '$|${|a}'],
    ['$ $$ {a}', '$ $$ {a}'],
    ['${a', '!${a'],
    ['${a ${b}', '<a ${b>'],
    ['$${', '${'],
  ])('of %j has the parts %j', (text, parts) => {
    expect(written(text)).toBe(parts);
  });

  it('loses nothing: its parts, written again, are the text', () => {
    const piece = fc.constantFrom('$', '{', '}', '$${', '${', 'a', '.', ' ', '${a}', '\n', '😀');

    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const text = pieces.join('');
        const again = parseTemplate(text).map((part) => {
          if (part.kind === 'variable') return `\${${part.name}}`;
          return part.kind === 'text' && part.text === '${' ? '$${' : part.text;
        });
        expect(again.join('')).toBe(text);
      }),
    );
  });
});
