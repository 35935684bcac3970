// The beginning of a patch, which is all of it that servers and mirrors look at.
import type { Digest } from '../../shared/encoding/digest.ts';
import { writeFrame } from '../../shared/tree/pack-format.ts';
import { PATCH_MAGIC } from '../../shared/tree/patch-format.ts';

export function patchHeadOf(to: Digest, from: Digest): Buffer {
  const part = { packed: 1, raw: 1 };
  const header = { from, to, index: part, scripts: part, plan: part, window: 10, dictionary: 0 };
  return Buffer.concat([PATCH_MAGIC, writeFrame(header)]);
}
