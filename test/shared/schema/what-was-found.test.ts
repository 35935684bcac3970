// What a refused document says: where, what was expected there, what was found, and what to do about it.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';

function issuesOf(schema: z.ZodType, value: unknown) {
  const refusal = refusalOf(() => parseDocument(z.strictObject({ x: schema }), { x: value }, 'a document'));
  return dataOf(refusal, 'document/invalid').issues;
}

describe('a problem of a document', () => {
  it.each([
    ['what is missing', z.string(), undefined, 'string', 'add it', 'nothing'],
    ['null', z.string(), null, 'string', 'write a string', 'null'],
    ['an object for a list', z.array(z.string()), {}, 'array', 'write an array', 'an object'],
    ['a list for an object', z.strictObject({}), [1, 2], 'object', 'write an object', 'an array of 2'],
    ['a number for a text', z.string(), 12, 'string', 'write a string', '12'],
    ['a word that is none of them', z.enum(['a', 'b']), 'c', '"a" or "b"', 'use "a" or "b"', '"c"'],
    ['a short text', z.string().min(3), 'ab', 'at least 3 characters', 'make it longer', '"ab"'],
    ['a long text', z.string().max(1), 'ab', 'at most 1 characters', 'make it shorter', '"ab"'],
    ['a short list', z.array(z.int()).min(2), [1], 'at least 2 entries', 'make it larger', 'an array of 1'],
    ['a long list', z.array(z.int()).max(1), [1, 2], 'at most 1 entries', 'make it smaller', 'an array of 2'],
    ['a small number', z.int().min(5), 4, 'at least 5', 'make it larger', '4'],
    ['a large number', z.int().max(5), 6, 'at most 5', 'make it smaller', '6'],
  ])('names %s', (_what, schema, value, expected, remedy, found) => {
    expect(issuesOf(schema, value)).toEqual([{ path: 'x', expected, remedy, found }]);
  });

  it('shows the beginning of a long text only', () => {
    const [issue] = issuesOf(z.int(), 'a'.repeat(500));

    expect(issue?.found).toHaveLength(80);
    expect(issue?.found).toMatch(/^"a+…$/);
  });

  it('shows a text of eighty characters as it is', () => {
    expect(issuesOf(z.int(), 'a'.repeat(78))[0]?.found).toBe(`"${'a'.repeat(78)}"`);
  });

  it('is found in the name of an entry as well', () => {
    const ports = z.record(z.string().max(3), z.int());

    expect(issuesOf(ports, { http: 80 })).toEqual([
      { path: 'x.http', expected: 'at most 3 characters', remedy: 'make it shorter', found: '"http"' },
    ]);
  });

  it('speaks of the branch that was most likely meant', () => {
    const probe = z.union([
      z.strictObject({ http: z.string(), expect: z.int() }),
      z.strictObject({ tcp: z.string() }),
    ]);

    expect(issuesOf(probe, { tcp: 1 })).toEqual([
      { path: 'x.tcp', expected: 'string', remedy: 'write a string', found: '1' },
    ]);
  });
});
