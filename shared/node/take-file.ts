// How one file of an old tree comes into the new one: its blocks shared, the file itself linked, or copied; and what stands there then, hashed.
import {
  type BigIntStats,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { createDigester, type Digest, digestOf } from '../encoding/digest.ts';
import { systemCode } from '../errors/error.ts';
import type { TreeFile } from '../tree/tree-index.ts';
import { isAsStored, storedMode } from './unpack.ts';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
const CREATE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
const OWN_UID = process.getuid?.();
/** What a file is read by. */
export const CHUNK_BYTES = 2 ** 20;

/** Answers the digest of what stands there now, not of what lay in the old tree before; null where that is no longer so large. */
export function createTaker(directory: string, mayLink: boolean) {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let mayClone = true;
  return (
    source: number,
    before: BigIntStats,
    from: TreeFile,
    path: string,
    file: TreeFile,
  ): Digest | null => {
    mayClone &&= clone(source, path);
    if (!mayClone && mayLink && isAlike(before, file)) {
      const found = hash(source, file, buffer);
      if (link(`${directory}/${from.path}`, path, before)) return found;
    }
    const target = mayClone ? openSync(path, O_RDONLY | O_NOFOLLOW) : openSync(path, CREATE, 0o600);
    try {
      const found = mayClone ? hash(target, file, buffer) : hash(source, file, buffer, target);
      fchmodSync(target, storedMode(file.mode));
      return fstatSync(target).size === file.size ? found : null;
    } finally {
      closeSync(target);
    }
  };
}

/** Of one inode there is one owner and one mode. */
function isAlike(found: BigIntStats, file: TreeFile): boolean {
  return Number(found.uid) === OWN_UID && isAsStored(found, file);
}

/** False where the file system has no more links for it, or none at all. Errors: its others. */
function link(from: string, path: string, before: BigIntStats): boolean {
  try {
    linkSync(from, path);
  } catch (cause) {
    if (!NO_LINK.has(systemCode(cause))) throw cause;
    return false;
  }
  // The file that was read is still open: what has its number is that one, and no other that came into its place.
  const { ino, dev, mtimeNs, size } = lstatSync(path, { bigint: true });
  if (ino === before.ino && dev === before.dev && mtimeNs === before.mtimeNs && size === before.size)
    return true;
  // Something else stands there by now, or in the middle of being changed.
  rmSync(path);
  return false;
}

/** Too many, another mount, an immutable file, a file system without; a name that went while it was read. */
const NO_LINK: ReadonlySet<string> = new Set([
  ...['EMLINK', 'EXDEV', 'EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENOENT', 'EINVAL'],
]);

/** Shares the blocks of the old file, on file systems that can. */
function clone(source: number, path: string): boolean {
  try {
    // By its descriptor: by its name, another file might stand there by now.
    copyFileSync(`/proc/self/fd/${source}`, path, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  }
}

/** From its start; with `copy` all that is read goes there too. */
export function hash(source: number, { size }: TreeFile, buffer: Buffer, copy: number | null = null): Digest {
  const readAt = (at: number) => {
    const bytes = buffer.subarray(0, readSync(source, buffer, 0, Math.min(buffer.length, size - at), at));
    for (let done = 0; copy !== null && done < bytes.length; ) done += writeSync(copy, bytes, done);
    return bytes;
  };
  const start = readAt(0);
  // Most files: at once it takes half the time.
  if (start.length === size) return digestOf(start);
  const digester = createDigester();
  let done = 0;
  for (let bytes = start; bytes.length > 0; bytes = readAt(done)) {
    digester.update(bytes);
    done += bytes.length;
  }
  return digester.end();
}
