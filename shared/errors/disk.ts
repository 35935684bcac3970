// Errors of the disk: full, failing, or holding what cannot be read, replaced or removed.
import { EXIT, entry, shellWord } from './entry.ts';

const PART_IS_FILE = 'a part of the path is a file, not a directory: choose another path';

/** What the system's own word asks for. */
const WRITE_REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'this account may not write there: use another account or path',
  EPERM: 'this account may not write there: use another account or path',
  EEXIST: 'a file stands where a directory is needed: choose another path',
  ENOTDIR: PART_IS_FILE,
  ENOENT: 'the directory is not there and cannot be made: choose another path',
  EROFS: 'the file system is mounted read-only: choose another path',
};

export const DISK_ERRORS = {
  'disk/full': entry<{ readonly path: string; readonly needed: number; readonly free: number }>({
    message: (d) => `not enough space for ${d.path}: ${d.needed} bytes needed, ${d.free} free`,
    hint: () => 'free some space; nothing was changed',
    http: 507,
    exit: EXIT.failed,
  }),
  'disk/no-inodes': entry<{ readonly path: string; readonly needed: number; readonly free: number }>({
    message: (d) => `not enough inodes for ${d.path}: ${d.needed} needed, ${d.free} free`,
    hint: () => 'remove small files from this file system; nothing was changed',
    http: 507,
    exit: EXIT.failed,
  }),
  'disk/immovable': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `${d.path} can neither be replaced nor removed: ${d.problem}`,
    hint: (d) => `see what holds it, then remove it: lsattr -d ${shellWord(d.path)}; findmnt`,
    http: 500,
    exit: EXIT.failed,
  }),
  'disk/unreadable': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `cannot read ${d.path}: ${d.problem}`,
    hint: (d) =>
      d.problem === 'ENOTDIR'
        ? PART_IS_FILE
        : 'check its permissions, under which account this program runs, and the disk: dmesg',
    http: 500,
    exit: EXIT.failed,
  }),
  'disk/failed': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `cannot write ${d.path}: ${d.problem}`,
    hint: (d) =>
      WRITE_REMEDIES[d.problem] ?? 'check the disk, its permissions and whether it is mounted read-only',
    http: 500,
    exit: EXIT.failed,
  }),
} as const;
