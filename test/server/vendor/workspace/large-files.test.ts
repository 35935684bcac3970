// A small change of a large file costs little, wherever the rest of it stands and whatever it has several times.
import { createCipheriv } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eachSample } from '../../../../server/vendor/workspace/patch-samples.ts';
import { describeDirectory, temporaryDirectory } from '../../../support/directories.ts';
import { applied, patchBetween, writeTree } from '../../../support/patched-trees.ts';

const MIB = 2 ** 20;

/** As if drawn at random, the same each time. */
function noise(length: number, seed: number): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(length));
}

function place(layer: Buffer, at: number, part: Buffer): void {
  layer.set(part, at * MIB);
}

/** The bytes before the first place that is a sample of a large file, and some more. */
function sampleOf(bytes: Buffer): Buffer {
  const ends: number[] = [];
  eachSample(bytes, 8, (end) => void ends.push(end));
  const [end = 0] = ends;
  return bytes.subarray(end - 32, end + 32);
}

/** As the layer of an image is: much of it once, some of it several times. */
function createLayer(): Buffer {
  const layer = noise(27.5 * MIB, 1);
  // A part of the second unit is the same few bytes, which stand at the beginning, too.
  const words = sampleOf(layer);
  place(layer, 0, Buffer.alloc(MIB, words));
  place(layer, 9, Buffer.alloc(3 * MIB, words));
  // A part of the third one stands in several places before, up to where it begins.
  for (const at of [12.25, 13, 13.75, 15.25, 17]) place(layer, at, noise(MIB / 2, 2));
  // What follows has half of it once more.
  place(layer, 24, layer.subarray(18 * MIB, 21.5 * MIB));
  return layer;
}

function changeThreeFiles(layer: Buffer): void {
  for (const at of [3, 8.5, 20]) place(layer, at, noise(500, 3 + at));
}

describe('the patch of a large file of which three parts changed', () => {
  const layer = createLayer();
  const same = Buffer.from(layer);
  changeThreeFiles(same);
  const grown = Buffer.concat([same.subarray(0, 1.25 * MIB), noise(512, 9), same.subarray(1.25 * MIB)]);

  it.each([
    ['where they were', same],
    ['and the rest moved', grown],
  ])('%s is a thousandth of it', async (_, next) => {
    const work = temporaryDirectory();
    const from = await writeTree(join(work, 'from'), { layer });
    const to = await writeTree(join(work, 'to'), { layer: next });

    const patch = await patchBetween(work, from, to);

    expect(statSync(patch).size).toBeLessThan(layer.length / 1_000);
    const made = await applied(work, patch, from, to.index);
    expect(describeDirectory(made)).toEqual(describeDirectory(to.directory));
  });
});
