// Files in places that a service can write to: opened only where they are files, and never through what was put there.
import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { systemCode } from '../../../shared/errors/error.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** A service of the agent's own account may put anything in its log's place; that must not keep the next version from starting. */
export async function openWritable(path: string, flags: number): Promise<FileHandle> {
  const found = await openRegular(path, flags);
  if (found !== null) return found;
  await rm(path, { recursive: true, force: true });
  return open(path, flags | O_NOFOLLOW, 0o600);
}

/** Null where there is no such file, or something else than one: a link leads elsewhere, and a pipe would be waited for. */
export async function openRegular(path: string, flags: number): Promise<FileHandle | null> {
  // A file has nothing to wait for: for it the flag means nothing.
  const handle = await open(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o600).catch((error: unknown) => {
    if (ELSEWHERE.has(systemCode(error))) return null;
    throw error;
  });
  if (handle === null || (await handle.stat()).isFile()) return handle;
  await handle.close();
  return null;
}

/** Absent, a link, a pipe that nobody reads, or a directory. */
const ELSEWHERE: ReadonlySet<string> = new Set(['ENOENT', 'ELOOP', 'ENXIO', 'EISDIR']);

/** The last bytes of what stands behind `from`; none when there is no such file. */
export async function readEnd(path: string, maxBytes: number, from = 0): Promise<Buffer> {
  const handle = await openRegular(path, O_RDONLY).catch(() => null);
  if (handle === null) return Buffer.alloc(0);
  try {
    const { size } = await handle.stat();
    // A file that was cut since holds nothing of what was asked for, and all of it is newer.
    const start = from > size ? 0 : Math.max(from, 0);
    const buffer = Buffer.alloc(Math.max(0, Math.min(size - start, maxBytes)));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
