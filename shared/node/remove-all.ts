// Removing a directory with everything in it: no link is followed, no mount is entered, and nothing waits for a million names.
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, lstat, open, opendir, readFile, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError, isFairleadError, systemCode } from '../errors/error.ts';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * As much as goes; the first thing that does not is the error, once the rest is gone. What is mounted below is somebody else's
 * and stays. A service may own directories in here and put a link in the place of one while it is looked at: so each is
 * held open, and what it holds is reached through it. Error: disk/immovable.
 */
export async function removeAll(path: string): Promise<void> {
  const found = await lstat(path).catch(absent);
  if (found === null) return;
  const failures: unknown[] = [];
  if (found.isDirectory()) await removeDirectory(path, path, null, failures);
  else await attempt(failures, path, () => unlink(path));
  if (failures.length > 0) throw failures[0];
}

/** `path` leads there, `shown` is its name for people; `mount` is the one that it has to lie on. */
async function removeDirectory(
  path: string,
  shown: string,
  mount: string | null,
  failures: unknown[],
): Promise<void> {
  await attempt(failures, shown, async () => {
    const held = await open(path, DIRECTORY);
    try {
      const own = await mountOf(held);
      if (mount !== null && own !== mount) {
        throw new FairleadError('disk/immovable', { path: shown, problem: 'something is mounted there' });
      }
      // Whoever owns a directory may have taken the right to change it from themselves.
      await held.chmod(0o700).catch(() => undefined);
      await empty(held, shown, own, failures);
    } finally {
      await held.close();
    }
    await rmdir(path);
  });
}

async function empty(held: FileHandle, shown: string, mount: string, failures: unknown[]): Promise<void> {
  const own = `/proc/self/fd/${held.fd}`;
  const remove = async ({ name }: Dirent, isDirectory: boolean) => {
    const path = `${own}/${name}`;
    if (isDirectory) await removeDirectory(path, join(shown, name), mount, failures);
    else await attempt(failures, join(shown, name), () => unlink(path));
  };
  for await (const entry of await opendir(own, { bufferSize: 256 })) await remove(entry, entry.isDirectory());
}

/** By the kernel's number: a bind mount of the same file system has the same device. */
async function mountOf(held: FileHandle): Promise<string> {
  const text = await readFile(`/proc/self/fdinfo/${held.fd}`, 'utf8');
  return /^mnt_id:\s*(\d+)$/m.exec(text)?.[1] ?? '';
}

async function attempt(failures: unknown[], path: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (cause) {
    const problem = systemCode(cause);
    if (isFairleadError(cause)) failures.push(cause);
    else if (problem !== 'ENOENT')
      failures.push(new FairleadError('disk/immovable', { path, problem }, { cause }));
  }
}

function absent(cause: unknown): null {
  if (['ENOENT', 'ENOTDIR'].includes(systemCode(cause))) return null;
  throw cause;
}
