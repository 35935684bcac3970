// Which stretches of old files are dictionaries of new ones: those with enough in common, the best where zstd remembers it.
import { createCipheriv } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planPatch } from '../../../../server/vendor/workspace/patch-plan.ts';
import { eachSample } from '../../../../server/vendor/workspace/patch-samples.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { type TreeOnPaper, writeTree } from '../../../support/patched-trees.ts';

const MIB = 2 ** 20;

/** As if drawn at random, the same each time. */
function noise(length: number, seed: number): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(length));
}

/** The paths of the old files that the one unit of the patch starts from, in the order of its dictionary. */
async function basesOf(old: TreeOnPaper, next: TreeOnPaper): Promise<readonly (string | undefined)[]> {
  const work = temporaryDirectory();
  const from = await writeTree(join(work, 'from'), old);
  const { units } = planPatch(from, await writeTree(join(work, 'to'), next));
  return (units[0]?.bases ?? []).map(([position]) => from.index.entries[position]?.path);
}

/** So many bytes around the first sample that a large file has behind the first 64 kB. */
function aroundSample(bytes: Buffer, length: number): Buffer {
  const ends: number[] = [];
  eachSample(bytes, 8, (end) => void ends.push(end));
  const end = ends.find((one) => one > 64 * 1024) ?? 0;
  return bytes.subarray(end - 32, end - 32 + length);
}

describe('what a new file starts from', () => {
  const large = noise(2 * MIB, 1);
  const other = noise(60_000, 2);

  it('is no large file that has a few words in common with it', async () => {
    const next = Buffer.concat([other, aroundSample(large, 40), other.subarray(9)]);

    expect(await basesOf({ large }, { next })).toEqual([]);
  });

  it('is one of which it has a page', async () => {
    const next = Buffer.concat([other, aroundSample(large, 8_000), other.subarray(9)]);

    expect(await basesOf({ large }, { next })).toEqual(['large']);
  });

  it.each([[['large', 'second']], [['second', 'large']]])(
    'has the file with the most in common at the end, whatever the order: %j',
    async (order) => {
      const files: Readonly<Record<string, Buffer>> = { large, second: noise(2 * MIB, 3) };
      const lengths: Readonly<Record<string, number>> = { large: 200_000, second: 50_000 };
      const parts = order.map((name) => files[name]?.subarray(MIB, MIB + (lengths[name] ?? 0)) ?? other);

      expect(await basesOf(files, { next: Buffer.concat(parts) })).toEqual(['second', 'large']);
    },
  );
});

describe('samples', () => {
  it('of different bytes are not taken for the same', () => {
    const keys: number[] = [];
    eachSample(noise(16 * MIB, 4), 5, (_, key) => void keys.push(key));

    expect(keys.length).toBeGreaterThan(400_000);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
