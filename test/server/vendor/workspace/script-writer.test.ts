// A script makes the new bytes of the old ones, whatever both are, and is short where only addresses moved.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scriptedBytes } from '../../../../server/vendor/workspace/patch-scripts.ts';
import { alignBytes, writeScripts } from '../../../../server/vendor/workspace/script-writer.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import {
  type FileScript,
  parseScripts,
  runScript,
  stepsWithin,
} from '../../../../shared/tree/patch-script.ts';
import { createTreeIndex } from '../../../../shared/tree/tree-rules.ts';
import { compressed } from '../../../agent/adapters/tree-store/patch-builder.ts';
import { patternedBytes } from '../../../support/directories.ts';

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

/** As it comes out of a patch. */
function scriptOf(old: Uint8Array, next: Uint8Array): FileScript {
  const treeOf = (content: Uint8Array) =>
    createTreeIndex([
      { kind: 'file', path: 'a', mode: 0o755, size: content.length, digest: digestOf(content) },
    ]);
  const [from, to] = [treeOf(old), treeOf(next)];
  const written = writeScripts(new Map([[0, { from: 0, ...alignBytes(old, next) }]]), to);
  return parseScripts(written, from, to, digestOf(next)).get(0) as FileScript;
}

/** What the steps of a unit copy. */
function copiedOf(script: FileScript, old: Uint8Array, offset: number, raw: number): Buffer {
  const parts = [...stepsWithin(script, { offset, raw })];
  return Buffer.concat(parts.map(({ source, copied }) => old.subarray(source, source + copied)));
}

describe('a script', () => {
  it('makes any bytes of any others, in units of any size', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.integer({ min: 1, max: 500 }), (old, next, size) => {
        const script = scriptOf(old, next);
        const made: Uint8Array[] = [];
        for (let offset = 0; offset < next.length; offset += size) {
          const unit = { bases: [], files: [0], offset, raw: Math.min(size, next.length - offset) };
          const copied = copiedOf(script, old, offset, unit.raw);
          const body = scriptedBytes(script, unit, copied, next.subarray(offset, offset + unit.raw));
          made.push(runScript(script, unit, copied, body));
        }
        expect(Buffer.concat(made).equals(next)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('takes a fraction of a dictionary’s bytes where addresses moved', () => {
    const [old, next] = [codeAt(0x40_0000), codeAt(0x40_1230)];
    const script = scriptOf(old, next);
    const unit = { bases: [], files: [0], offset: 0, raw: next.length };

    const body = scriptedBytes(script, unit, copiedOf(script, old, 0, next.length), next);

    expect(compressed(body).length * 3).toBeLessThan(compressed(next, old).length);
  });
});
