// A document that is wrong everywhere is refused with a few of its problems, and in a time that its sender does not set.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { refusalOf } from '../../support/error-code.ts';

const part = z.strictObject({ a: z.string(), b: z.string(), c: z.string(), d: z.string() });
const schema = z.strictObject({
  list: z.array(part).default([]),
  byName: z.record(z.string(), z.string()).default({}),
  either: z.array(z.union([z.array(z.int()), z.array(z.boolean())])).default([]),
});

describe('a short document', () => {
  it('has every problem named, up to twenty; the others are counted', () => {
    const refusal = refusalOf(() => parseDocument(schema, { list: Array(10).fill({}) }, 'it'));

    expect(refusal.data).toMatchObject({ more: 20 });
    expect(refusal.message.split('\n')).toHaveLength(22);
    expect(refusal.message).toContain('and 20 more');
  });

  it('says nothing of others where there are none', () => {
    const refusal = refusalOf(() => parseDocument(schema, { list: [{}] }, 'it'));

    expect(refusal.data).not.toHaveProperty('more');
    expect(refusal.message).not.toContain('more');
  });

  it('names keys and values cut to a length', () => {
    const long = 'k'.repeat(100_000);

    const refusal = refusalOf(() => parseDocument(schema, { [long]: 1, byName: { [long]: 2 } }, 'it'));

    expect(refusal.message.length).toBeLessThan(2_000);
  });
});

describe('a long document', () => {
  it.each<[string, object]>([
    ['a list of nothings', { list: Array(120_000).fill(0) }],
    ['a list of empty objects', { list: Array(120_000).fill({}) }],
    ['lists in lists', { list: Array(300).fill({ a: Array(400).fill({}) }) }],
    ['unknown keys', Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`k${i}`, 0]))],
    [
      'bad values by name',
      { byName: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, 0])) },
    ],
    ['a choice of bad lists', { either: Array(300).fill(Array(400).fill('x')) }],
  ])('of %s is refused at once, in a few words', (_what, value) => {
    const before = process.cpuUsage();

    const refusal = refusalOf(() => parseDocument(schema, value, 'it'));

    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(1_000);
    expect(refusal.message.length).toBeLessThan(10_000);
  });

  it('that is right is taken whole', () => {
    const list = Array.from({ length: 5_000 }, () => ({ a: '', b: '', c: '', d: '' }));

    expect(parseDocument(schema, { list }, 'it').list).toHaveLength(5_000);
  });
});
