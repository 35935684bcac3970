// A script makes the new bytes of the old ones, whatever both are, and is short where only addresses moved.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeScript } from '../../../../server/vendor/workspace/script-writer.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { maxScriptBytes, runScript } from '../../../../shared/tree/patch-script.ts';
import { compressed } from '../../../agent/adapters/tree-store/patch-builder.ts';
import { patternedBytes } from '../../../support/directories.ts';

const TREE = digestOf(new Uint8Array());

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc
    .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(900), fc.nat(300)), { maxLength: 8 })
    .map((runs) =>
      Buffer.concat(runs.map(([seed, skip, length]) => patternedBytes(skip + length, seed).subarray(skip))),
    ),
  fc.nat(2_000).map((length) => Buffer.alloc(length)),
);

/** Calls, five bytes each among others, to addresses that a release moved by as much. */
function codeAt(start: number): Buffer {
  const code = Buffer.from(patternedBytes(100_000, 'code'));
  for (let at = 0; at + 8 < code.length; at += 37) code.writeUInt32LE(start + ((at * 7919) % 65_536), at + 1);
  return code;
}

describe('a script', () => {
  it('makes any bytes of any others', () => {
    fc.assert(
      fc.property(bytes, bytes, (old, next) => {
        const made = runScript(writeScript(old, next), old, next.length, TREE);
        expect(Buffer.from(next).equals(made)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is no more than its bounds for bytes that have nothing in common', () => {
    const next = patternedBytes(50_000, 'next');

    expect(writeScript(patternedBytes(50_000, 'old'), next).length).toBeLessThan(maxScriptBytes(next.length));
  });

  it('takes a fraction of a dictionary’s bytes where addresses moved', () => {
    const [old, next] = [codeAt(0x40_0000), codeAt(0x40_1230)];

    const script = compressed(writeScript(old, next));

    expect(script.length * 3).toBeLessThan(compressed(next, old).length);
  });
});
