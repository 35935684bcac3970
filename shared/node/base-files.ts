// The files of a stored tree, read as what a patch starts from: whatever stands in a file's place by now is refused, never followed or waited for.
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
} from 'node:fs';
import { type Digest, shortDigest } from '../encoding/digest.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { FairleadError } from '../errors/error.ts';
import { PATCH_MAGIC } from '../tree/patch-format.ts';
import type { BasePart } from '../tree/patch-steps.ts';
import type { TreeFile } from '../tree/tree-index.ts';

export interface BaseTree {
  readonly digest: Digest;
  readonly directory: string;
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Synchronous, as in a process that does nothing else: asked one by one, small files would take ten times as long. */
export function withBaseFile<Result>(
  base: BaseTree,
  file: TreeFile,
  use: (fd: number, found: BigIntStats) => Result,
): Result {
  const fd = openBaseFile(base, file);
  try {
    const found = fstatSync(fd, { bigint: true });
    if (!found.isFile() || Number(found.size) !== file.size || !liesWhereListed(base, file, fd)) {
      throw baseChanged(base.digest, file.path);
    }
    return use(fd, found);
  } finally {
    closeSync(fd);
  }
}

/** A service may have put a link in the place of a directory that it owns: what lies behind it is nobody's to read. */
function liesWhereListed(base: BaseTree, { path }: TreeFile, fd: number): boolean {
  const root = roots.get(base) ?? realpathSync.native(base.directory);
  roots.set(base, root);
  return readlinkSync(`/proc/self/fd/${fd}`) === `${root}/${path}`;
}

/** Where they really lie: asked for every file anew, that takes as long as reading small ones. */
const roots = new WeakMap<BaseTree, string>();

/** Error: tree/base-changed. */
export function readStretch(base: BaseTree, part: BasePart): Buffer {
  const bytes = Buffer.allocUnsafeSlow(part.length);
  withBaseFile(base, part.file, (fd) => readExactly(base, part, fd, bytes));
  return bytes;
}

/** The parts end to end behind the magic, in `room` where it is given. Error: tree/base-changed. */
export function readDictionary(base: BaseTree, parts: readonly BasePart[], room?: Buffer): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, PATCH_MAGIC.length);
  const bytes = room?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length);
  bytes.set(PATCH_MAGIC);
  let at = PATCH_MAGIC.length;
  for (let i = 0; i < parts.length; ) {
    const { file } = parts[i] as BasePart;
    withBaseFile(base, file, (fd) => {
      for (; parts[i]?.file === file; i++) {
        const part = parts[i] as BasePart;
        readExactly(base, part, fd, bytes.subarray(at, at + part.length));
        at += part.length;
      }
    });
  }
  return bytes;
}

function readExactly(base: BaseTree, { file, offset }: BasePart, fd: number, into: Buffer): void {
  for (let done = 0; done < into.length; ) {
    const read = readSync(fd, into, done, into.length - done, offset + done);
    if (read === 0) throw baseChanged(base.digest, file.path);
    done += read;
  }
}

export function baseChanged(
  tree: Digest,
  path: string,
  options?: { readonly cause: unknown },
): FairleadError {
  const data = { tree: shortDigest(tree), path: sanitizeLine(path) };
  return new FairleadError('tree/base-changed', data, options);
}

function openBaseFile({ digest, directory }: BaseTree, { path }: TreeFile): number {
  try {
    return openSync(`${directory}/${path}`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (cause) {
    throw baseChanged(digest, path, { cause });
  }
}
