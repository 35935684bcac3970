// fairlead logs --follow: what came since the last look, through a window that moves along.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linesAfter } from '../../../agent/cli/commands/logs.ts';

describe('following a log', () => {
  it.each([
    ['nothing came', ['a', 'b'], ['a', 'b'], []],
    ['lines came', ['a', 'b'], ['a', 'b', 'c'], ['c']],
    ['lines came and old ones went', ['a', 'b', 'c'], ['b', 'c', 'd'], ['d']],
    ['the log was cut', ['a', 'b'], ['x'], ['x']],
    ['the log began', [], ['a'], ['a']],
  ])('prints what is new when %s', (_, before, now, expected) => {
    expect(linesAfter(before, now)).toEqual(expected);
  });

  it('loses no line of a window that moves', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), fc.integer({ min: 1, max: 30 }), (start, more, size) => {
        const all = Array.from({ length: 80 }, (_, n) => `line ${n}`);
        const [before, now] = [
          all.slice(start, start + size),
          all.slice(0, start + size + more).slice(-size),
        ];
        const expected = more >= size ? now : all.slice(start + size, start + size + more);

        expect(linesAfter(before, now)).toEqual(expected);
      }),
    );
  });
});
