// The chain of an audit log: whoever keeps it, an entry that was changed, taken out or cut off shows.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import {
  type AuditHead,
  EMPTY_AUDIT,
  followLink,
  formatCheckpoint,
  type Link,
  parseCheckpoint,
  verifyReached,
} from '../../../shared/schema/audit-chain.ts';

class Broken extends Error {
  readonly entry: number;

  constructor(entry: number, problem: string) {
    super(problem);
    this.entry = entry;
  }
}
const broken = (entry: number, problem: string) => new Broken(entry, problem);

function chainOf(length: number, numbered = true): readonly Link[] {
  const links: Link[] = [];
  for (let sequence = 1; sequence <= length; sequence++) {
    const previous = links.at(-1)?.digest ?? null;
    const position = numbered ? { sequence } : {};
    links.push({ ...position, previous, digest: digestOfValue({ sequence, previous }) });
  }
  return links;
}

function walk(links: readonly Link[], kept: AuditHead = EMPTY_AUDIT): AuditHead {
  let head = EMPTY_AUDIT;
  for (const link of links) head = followLink(head, link, kept, broken);
  verifyReached(head, kept, broken);
  return head;
}

function brokenAt(act: () => unknown): number | null {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof Broken) return error.entry;
    throw error;
  }
}

describe.each([
  ['numbered', true],
  ['unnumbered', false],
])('a chain of %s entries', (_, numbered) => {
  const lengths = fc.integer({ min: 1, max: 12 });

  it('holds as it was written, and against every checkpoint of its own', () => {
    fc.assert(
      fc.property(lengths, fc.nat(), (length, at) => {
        const links = chainOf(length, numbered);
        const kept = walk(links.slice(0, at % (length + 1)));
        expect(walk(links, kept)).toEqual({ ...EMPTY_AUDIT, count: length, digest: links.at(-1)?.digest });
      }),
    );
  });

  it('breaks after an entry that was taken out, and at an end that was cut off', () => {
    fc.assert(
      fc.property(lengths, fc.nat(), (length, at) => {
        const links = chainOf(length, numbered);
        const index = at % length;
        expect(brokenAt(() => walk(links.toSpliced(index, 1), walk(links)))).toBe(index + 1);
        expect(brokenAt(() => walk(links.slice(0, index), walk(links)))).toBe(index + 1);
      }),
    );
  });

  it('breaks where an entry was changed: at its successor, or by the checkpoint where it is the last', () => {
    fc.assert(
      fc.property(lengths, fc.nat(), (length, at) => {
        const links = chainOf(length, numbered);
        const index = at % length;
        const changed = { ...(links[index] as Link), digest: digestOfValue('another') };
        const at1 = brokenAt(() => walk(links.with(index, changed), walk(links)));
        expect(at1).toBe(Math.min(index + 2, length));
      }),
    );
  });
});

describe('a break', () => {
  const [first, second] = chainOf(2) as [Link, Link];
  const problemOf = (act: () => unknown) => {
    try {
      return act();
    } catch (error) {
      return (error as Broken).message;
    }
  };

  it.each<[string, () => unknown, string]>([
    ['an entry out of turn', () => walk([second]), 'it is missing'],
    [
      'an entry of another chain',
      () => walk([first, { ...second, previous: null }]),
      'it does not continue the entry before it',
    ],
    [
      'a first entry that continues one',
      () => walk([{ ...first, previous: first.digest }]),
      'it does not continue the entry before it',
    ],
    [
      'another end',
      () => walk([first], { ...EMPTY_AUDIT, count: 1, digest: second.digest }),
      'it is another than when the checkpoint was written',
    ],
    [
      'an end cut off',
      () => walk([first], { ...EMPTY_AUDIT, count: 2, digest: second.digest }),
      'it is missing: the checkpoint counted 2 entries',
    ],
    [
      'the only entry cut off',
      () => walk([], { ...EMPTY_AUDIT, count: 1, digest: first.digest }),
      'it is missing: the checkpoint counted 1 entry',
    ],
  ])('says what is wrong: %s', (_what, act, problem) => {
    expect(problemOf(act)).toBe(problem);
  });
});

describe('a checkpoint on paper', () => {
  const digest = digestOfValue('last');

  it.each<[AuditHead, string]>([
    [EMPTY_AUDIT, '0:none'],
    [{ ...EMPTY_AUDIT, count: 812, digest }, `812:${digest}`],
    [{ ...EMPTY_AUDIT, count: 999_999_999_999_999, digest }, `999999999999999:${digest}`],
  ])('is written and read the same: %j', (head, text) => {
    expect(formatCheckpoint(head)).toBe(text);
    expect(parseCheckpoint(text)).toEqual(head);
  });

  it.each([
    '',
    '1',
    ':none',
    'x1:none',
    '1:none ',
    '1:nonesuch',
    `1000000000000000:${digest}`,
    `0:${digest}`,
    '1:none',
    `01:${digest}`,
    `1:${digest}0`,
    '-1:none',
  ])('is none: %j', (text) => {
    expect(parseCheckpoint(text)).toBeNull();
  });
});
