// What a newer version of our own programs wrote can be read by this one, as long as it only added to it.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseNewerBytes } from '../../../shared/schema/newer-document.ts';
import { parseStored, parseStoredWhole } from '../../../shared/schema/stored-document.ts';
import { codeOf } from '../../support/error-code.ts';

const part = z.strictObject({ a: z.int() });
const schema = z.strictObject({
  part,
  list: z.array(part),
  either: z.union([z.strictObject({ b: z.string() }), part]),
  kind: z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('x'), part })]),
});
const KNOWN = { part: { a: 1 }, list: [{ a: 2 }], either: { a: 3 }, kind: { kind: 'x', part: { a: 4 } } };
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const added = { later: { deep: [1] } };

describe('a document of a newer version', () => {
  it.each([
    ['at its top', { ...KNOWN, ...added }],
    ['in a part', { ...KNOWN, part: { a: 1, ...added } }],
    ['in a list', { ...KNOWN, list: [{ a: 2, ...added }] }],
    ['in a union', { ...KNOWN, either: { a: 3, ...added } }],
    ['in one of several kinds', { ...KNOWN, kind: { kind: 'x', part: { a: 4, ...added }, ...added } }],
    ['at several depths', { ...KNOWN, ...added, list: [{ a: 2, ...added }], part: { a: 1, ...added } }],
  ])('is read without what was added %s', (_, document) => {
    expect(parseNewerBytes(schema, bytes(document), 'x')).toEqual(KNOWN);
    expect(parseStored(schema, bytes(document), 'x')).toEqual(KNOWN);
  });

  it.each([
    ['another type', { ...KNOWN, ...added, part: { a: 'one' } }],
    ['something missing', { ...added, part: { a: 1 } }],
    ['a kind that nobody knows', { ...KNOWN, kind: { kind: 'y' } }],
  ])('is an error with %s', (_, document) => {
    expect(codeOf(() => parseNewerBytes(schema, bytes(document), 'x'))).toBe('document/invalid');
  });

  it('is refused whole where a key may forbid something', () => {
    expect(codeOf(() => parseStoredWhole(schema, bytes({ ...KNOWN, ...added }), 'x'))).toBe(
      'document/invalid',
    );
  });
});
