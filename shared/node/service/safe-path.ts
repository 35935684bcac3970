// Whether only root can change what a path leads to: what runs as root, and what root believes, may be nobody else's to write.
import { lstat, readlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { shellWord } from '../../errors/entry.ts';
import { FairleadError, systemCode } from '../../errors/error.ts';

/** As the kernel counts them. */
const MAX_LINKS = 40;
const WRITABLE_BY_OTHERS = 0o002;
const WRITABLE_BY_GROUP = 0o020;
const STICKY = 0o1000;
const FOR_OWNER_AND_PASSING = 0o711;

interface Found {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly isDirectory: boolean;
}

/**
 * The way is walked as the kernel walks it: every directory and every link on it counts, for who may write a directory may put
 * another file in the place of the one that was looked at. Errors: service/unsafe-path, file/missing.
 */
export async function verifyOnlyRootWrites(path: string): Promise<void> {
  for (const found of await walk(resolve(path))) refuse(found, problemOf(found));
}

/** Besides, nobody else reads it; passing through is allowed, for services have their files below. */
export async function verifyPrivate(directory: string): Promise<void> {
  await verifyOnlyRootWrites(directory);
  const mode = (await lstat(resolve(directory))).mode & 0o777;
  if ((mode & ~FOR_OWNER_AND_PASSING) === 0) return;
  throw new FairleadError('service/unsafe-path', {
    path: directory,
    problem: 'other accounts may read it',
    fix: `chmod 700 ${shellWord(directory)}`,
  });
}

function refuse({ path }: Found, problem: readonly [string, string] | null): void {
  if (problem === null) return;
  const [what, fix] = problem;
  throw new FairleadError('service/unsafe-path', { path, problem: what, fix: `${fix} ${shellWord(path)}` });
}

function problemOf({ uid, gid, mode, isDirectory }: Found): readonly [string, string] | null {
  if (uid !== 0) return ['it belongs to an account other than root', 'chown -h root:root'];
  // In a sticky directory everybody makes files, and nobody takes away or renames another's.
  const isShared = isDirectory && (mode & STICKY) !== 0;
  const writable = WRITABLE_BY_OTHERS | (gid === 0 ? 0 : WRITABLE_BY_GROUP);
  if ((mode & writable) !== 0 && !isShared) return ['accounts other than root may write it', 'chmod go-w'];
  return null;
}

/** Everything that decides what the path leads to, itself last. */
async function walk(path: string): Promise<readonly Found[]> {
  const found: Found[] = [await look('/')];
  let left = path.split('/').filter((name) => name !== '');
  let at = '/';
  for (let links = 0; left.length > 0; ) {
    const [name = '', ...rest] = left;
    left = rest;
    if (name === '..') at = dirname(at);
    if (name === '..' || name === '.') continue;
    const next = at === '/' ? `/${name}` : `${at}/${name}`;
    found.push(await look(next));
    const target = await readlink(next).catch(() => null);
    if (target === null) at = next;
    else if (++links > MAX_LINKS) throw new FairleadError('file/missing', { path });
    else {
      left = [...target.split('/').filter((one) => one !== ''), ...left];
      if (target.startsWith('/')) at = '/';
    }
  }
  return found;
}

async function look(path: string): Promise<Found> {
  try {
    const one = await lstat(path);
    // A link has no mode of its own; who owns it may replace it where everybody makes files.
    const mode = one.isSymbolicLink() ? 0 : one.mode;
    return { path, uid: one.uid, gid: one.gid, mode, isDirectory: one.isDirectory() };
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') throw new FairleadError('file/missing', { path }, { cause });
    throw new FairleadError('disk/unreadable', { path, problem: systemCode(cause) }, { cause });
  }
}
