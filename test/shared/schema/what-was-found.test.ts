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

describe('what is wrong', () => {
  it.each([
    ['a fraction for a whole number', z.int(), 1.5, 'int', 'write an int', '1.5'],
    ['something where nothing may be', z.undefined(), 1, 'undefined', 'write an undefined', '1'],
    ['a text for an object', z.strictObject({}), 'a', 'object', 'write an object', '"a"'],
    ['a truth for a text', z.string(), true, 'string', 'write a string', 'true'],
    ['one word that is another', z.literal('a'), 'b', '"a"', 'use "a"', '"b"'],
    ['a text of another form', z.string().regex(/a/, { error: 'an a' }), 'b', 'an a', 'write an a', '"b"'],
    [
      'a value that breaks a rule',
      z.string().refine(() => false, { error: 'a rule' }),
      'b',
      'a rule',
      'write a rule',
      '"b"',
    ],
    [
      'a value whose rule has a remedy',
      z.string().refine(() => false, { error: 'a rule', params: { remedy: 'do this' } }),
      'b',
      'a rule',
      'do this',
      '"b"',
    ],
    ['what no JSON holds', z.int(), Symbol('s'), 'number', 'write a number', 'symbol'],
  ])('is said of %s', (_what, schema, value, expected, remedy, found) => {
    expect(issuesOf(schema, value)).toEqual([{ path: 'x', expected, remedy, found }]);
  });

  const span = z
    .strictObject({ from: z.int(), to: z.int(), deep: z.strictObject({ a: z.int() }).optional() })
    .refine(({ from, to }) => from < to, { path: ['to'], error: 'more than "from"' })
    .refine(({ from }) => from !== 7, { path: ['deep', 'a'], error: 'not seven' });

  it.each([
    ['a part', { from: 2, to: 1 }, 'x.to', '1'],
    ['a part within a part', { from: 7, to: 8, deep: { a: 3 } }, 'x.deep.a', '3'],
    ['a part that is not there', { from: 7, to: 8 }, 'x.deep.a', 'nothing'],
  ])('in a rule over several parts is %s', (_what, value, path, found) => {
    expect(issuesOf(span, value)).toMatchObject([{ path, found }]);
  });

  it('of all is the whole where a rule names no part', () => {
    const never = z.strictObject({ a: z.int() }).refine(() => false, { error: 'never' });

    expect(issuesOf(never, { a: 1 })).toMatchObject([{ path: 'x', found: 'an object' }]);
  });

  it('is the first of two branches that are as near', () => {
    const either = z.union([
      z.strictObject({ a: z.int(), b: z.int() }),
      z.strictObject({ c: z.int(), d: z.int() }),
    ]);

    expect(issuesOf(either, { a: 1 }).map(({ path }) => path)).toEqual(['x.b']);
    expect(issuesOf(z.union([z.int(), z.boolean()]), 'a')).toEqual([
      { path: 'x', expected: 'number', remedy: 'write a number', found: '"a"' },
    ]);
    expect(issuesOf(z.union([z.boolean(), z.int()]), 'a')[0]?.expected).toBe('boolean');
  });

  it('is a key that nobody knows, with the nearest or with all that are known', () => {
    const schema = z.strictObject({ health: z.int().optional(), hooks: z.int().optional() });

    expect(issuesOf(schema, { helth: 1, colour: 2 })).toEqual([
      { path: 'x.helth', expected: 'no such key', found: '"helth"', remedy: 'did you mean "health"?' },
      {
        path: 'x.colour',
        expected: 'no such key',
        found: '"colour"',
        remedy: 'remove it, or write one of: health, hooks',
      },
    ]);
  });

  it('is a key at the top by its own name', () => {
    const refusal = refusalOf(() => parseDocument(z.strictObject({}), { a: 1 }, 'a document'));

    expect(dataOf(refusal, 'document/invalid')).toEqual({
      document: 'a document',
      issues: [{ path: 'a', expected: 'no such key', found: '"a"', remedy: 'remove it, or write one of: ' }],
    });
  });

  it('is named with 300 characters of its place and 100 of what was found', () => {
    const key = 'k'.repeat(400);
    const [issue] = issuesOf(z.strictObject({ a: z.int().optional() }), { [key]: 1 });

    expect([issue?.path.length, issue?.found.length]).toEqual([300, 100]);
    expect([issue?.path.at(-1), issue?.found.at(-1)]).toEqual(['…', '…']);
  });

  it('is looked for everywhere in what has a thousand values, and to the first problem in what has more', () => {
    const list = (length: number) => {
      const bad = Array.from({ length }, () => 'x');
      const refusal = refusalOf(() => parseDocument(z.array(z.int()), bad, 'a document'));
      const { issues, more = 0 } = dataOf(refusal, 'document/invalid');
      return issues.length + more;
    };

    expect([list(999), list(1000), list(1001)]).toEqual([999, 1, 1]);
  });

  it('is a thousand keys that nobody knows at most', () => {
    const unknown = Object.fromEntries(Array.from({ length: 1_500 }, (_, i) => [`k${i}`, 0]));
    const refusal = refusalOf(() => parseDocument(z.strictObject({}), unknown, 'a document'));

    expect(dataOf(refusal, 'document/invalid')).toMatchObject({ more: 980 });
  });

  it('is twenty problems at most, and the number of the others', () => {
    const refusal = (length: number) =>
      dataOf(
        refusalOf(() => parseDocument(z.array(z.int()), Array(length).fill('x'), 'a document')),
        'document/invalid',
      );

    expect(refusal(20)).not.toHaveProperty('more');
    expect(refusal(20).issues).toHaveLength(20);
    expect(refusal(21)).toMatchObject({ more: 1 });
    expect(refusal(21).issues).toHaveLength(20);
  });
});
