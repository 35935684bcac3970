// Holds unpacked content against the index: every content exactly once, whole, in order, with the digest it should have.

import { createHash, type Hash } from 'node:crypto';
import { type Digest, digestFromHex, shortDigest } from '../encoding/digest.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { count } from '../errors/entry.ts';
import { FairleadError } from '../errors/error.ts';
import { damagedPack } from './pack-format.ts';
import type { UnpackedPart } from './pack-steps.ts';
import type { TreeFile, TreeIndex } from './tree-index.ts';

export interface ContentCheck {
  /** Takes the next run of bytes. Errors: tree/pack-damaged out of turn, tree/mismatch when the content is another. */
  accept(part: UnpackedPart): void;
  /** Error: tree/pack-damaged when content is missing. */
  requireComplete(): void;
}

/** A file cut into several units, hashed so far. */
interface CutFile {
  readonly digest: Digest;
  readonly hash: Hash;
  readonly next: number;
}

/** Of what is there already nothing may come. */
export function createContentCheck(
  index: TreeIndex,
  tree: Digest,
  isThere: (content: Digest) => boolean = () => false,
): ContentCheck {
  const missing = new Set(
    index.entries.flatMap((entry) => (entry.kind === 'file' && !isThere(entry.digest) ? [entry.digest] : [])),
  );
  let cut: CutFile | null = null;

  const begin = (file: TreeFile): CutFile => {
    if (cut !== null) throw damagedPack(tree, 'a file begins before the one in front of it ends');
    if (!missing.has(file.digest)) throw damagedPack(tree, 'a content stands in it twice');
    return { digest: file.digest, hash: createHash('sha256'), next: 0 };
  };
  const resume = (file: TreeFile, offset: number): CutFile => {
    if (cut?.digest === file.digest && cut.next === offset) return cut;
    throw damagedPack(tree, 'a file goes on where it did not stop');
  };
  return {
    accept({ file, offset, length, bytes }) {
      const current: CutFile = offset === 0 ? begin(file) : resume(file, offset);
      current.hash.update(bytes);
      if (offset + length < file.size) {
        cut = { ...current, next: offset + length };
        return;
      }
      requireDigest(tree, file, digestFromHex(current.hash.digest('hex')));
      missing.delete(file.digest);
      cut = null;
    },
    requireComplete() {
      if (missing.size > 0)
        throw damagedPack(tree, `the content of ${count(missing.size, 'file')} is missing`);
    },
  };
}

function requireDigest(tree: Digest, file: TreeFile, found: Digest): void {
  if (file.digest === found) return;
  throw new FairleadError('tree/mismatch', {
    tree: shortDigest(tree),
    what: `the content of "${sanitizeLine(file.path)}"`,
    expected: file.digest,
    found,
  });
}
