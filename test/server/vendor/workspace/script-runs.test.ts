// Runs of a part put into those of the whole: whatever is cut, a reader takes what is left.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replaceRuns } from '../../../../server/vendor/workspace/script-runs.ts';
import { alignBytes, writeScripts } from '../../../../server/vendor/workspace/script-writer.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { parseScripts } from '../../../../shared/tree/patch-script.ts';
import { putNumber } from '../../../../shared/tree/script-numbers.ts';
import { createTreeIndex } from '../../../../shared/tree/tree-rules.ts';
import { patternedBytes } from '../../../support/directories.ts';

const NO_ADDRESSES = { old: [], next: [], regions: [] };
const bytes = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(300), fc.nat(300)), { minLength: 1, maxLength: 6 })
  .map((runs) =>
    Buffer.concat(runs.map(([seed, skip, length]) => patternedBytes(skip + length, seed).subarray(skip))),
  );

function treeOf(size: number) {
  const digest = digestOf(Buffer.from('a'));
  return createTreeIndex([{ kind: 'file', path: 'a', mode: 0o755, size, digest }]);
}

describe('runs of a part', () => {
  it('in the place of those that stood there make a script that its reader takes', () => {
    fc.assert(
      fc.property(
        bytes,
        bytes,
        fc.nat(2_000),
        fc.nat(2_000),
        fc.nat(2_000),
        (old, next, start, length, source) => {
          const part = { start: start % (next.length + 1), length: 0 };
          part.length = length % (next.length - part.start + 1);
          const from = source % (old.length + 1);
          const inner = alignBytes(old.subarray(from), next.subarray(part.start, part.start + part.length));

          const runs = replaceRuns(alignBytes(old, next), next.length, inner, from, part);

          const script = { from: 0, oldSize: old.length, ...runs, addresses: NO_ADDRESSES };
          const written = writeScripts(new Map([[0, script]]), treeOf(next.length));
          const read = parseScripts(written, treeOf(old.length), treeOf(next.length), digestOf(next)).get(0);
          expect(read).toEqual(script);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('cut behind what they copy, where the old file ends sooner, are literals alone', () => {
    const runs = { at: Uint32Array.of(0), source: Uint32Array.of(90), copied: Uint32Array.of(10) };
    const inner = { at: Uint32Array.of(0), source: Uint32Array.of(0), copied: Uint32Array.of(5) };

    const { at, source, copied } = replaceRuns(runs, 200, inner, 0, { start: 20, length: 30 });

    expect([[...at], [...source], [...copied]]).toEqual([
      [0, 20, 50],
      [90, 0, 0],
      [10, 5, 0],
    ]);
  });
});

describe('a number of a script', () => {
  it.each([-1, 2 ** 42, Number.NaN])('is not %d', (value) => {
    expect(() => putNumber([], value)).toThrow(RangeError);
  });
});
