// A service's log file: written by the service itself, bounded by the agent.
import { constants, ftruncateSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { systemCode } from '../../../shared/errors/system-error.ts';
import type { Account } from '../machine/account.ts';

const MAX_LOG_BYTES = 8 << 20;
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;

/**
 * Opened for appending, so that the file may be cut while the service writes on. It is the account's own: programs open
 * `/dev/stderr` by name, which the kernel allows to whoever may write the file.
 */
export async function openLog(path: string, { uid, gid }: Account): Promise<FileHandle> {
  const log = await openWritable(path, O_APPEND | O_CREAT | O_WRONLY);
  const agent = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  // Only root may give a file away, and only root's services have other accounts.
  if (agent.uid === 0) await log.chown(uid ?? agent.uid, gid ?? agent.gid);
  return log;
}

/** A service of the agent's own account may put anything in its log's place; that must not keep the next version from starting. */
async function openWritable(path: string, flags: number): Promise<FileHandle> {
  const found = await openRegular(path, flags);
  if (found !== null) return found;
  await rm(path, { recursive: true, force: true });
  return open(path, flags | O_NOFOLLOW, 0o600);
}

/** Null where there is no such file, or something else than one: a link leads elsewhere, and a pipe would be waited for. */
async function openRegular(path: string, flags: number): Promise<FileHandle | null> {
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

/**
 * Once it holds more than 8 MiB, the last of them move to a file beside it, where they replace those of the time before. The
 * service holds the file open, so it can be cut but not exchanged.
 */
export async function boundLog(path: string): Promise<void> {
  const log = await openRegular(path, O_RDWR).catch(() => null);
  if (log === null) return;
  try {
    // The service may have given its file any length: never more than the bound is copied.
    const { size } = await log.stat();
    if (size <= MAX_LOG_BYTES) return;
    // On a full disk the cut is what helps: lines are lost then, not the disk.
    await moveAway(log, size - MAX_LOG_BYTES, `${path}.1`).catch(() => log.truncate(0));
  } finally {
    await log.close();
  }
}

async function moveAway(log: FileHandle, from: number, path: string): Promise<void> {
  const beside = await openWritable(path, O_CREAT | O_TRUNC | O_WRONLY);
  try {
    const kept = Buffer.alloc(MAX_LOG_BYTES);
    const { bytesRead } = await log.read(kept, 0, kept.length, from);
    await beside.write(kept, 0, bytesRead);
    cutAfter(log.fd, from + bytesRead, beside.fd);
  } finally {
    await beside.close();
  }
}

/** What was written meanwhile moves too, in one breath with the cut: what then still comes between is a line at most. */
function cutAfter(log: number, start: number, beside: number): void {
  const piece = Buffer.alloc(1 << 20);
  let moved = 0;
  // A service that writes as fast as it is read would be followed for ever.
  while (moved < MAX_LOG_BYTES) {
    const bytes = readSync(log, piece, 0, piece.length, start + moved);
    if (bytes === 0) break;
    writeSync(beside, piece, 0, bytes);
    moved += bytes;
  }
  ftruncateSync(log, 0);
}

/** The last bytes as text, of what was moved away too where the log itself holds fewer. */
export async function readBothLogs(path: string, maxBytes: number): Promise<string> {
  const now = await readEnd(path, maxBytes);
  const before = await readEnd(`${path}.1`, maxBytes - now.length);
  return Buffer.concat([before, now]).toString('utf8');
}

/** The last bytes as text; empty when there is no log. */
export async function readTail(path: string, maxBytes: number): Promise<string> {
  return (await readEnd(path, maxBytes)).toString('utf8');
}

async function readEnd(path: string, maxBytes: number): Promise<Buffer> {
  const handle = await openRegular(path, O_RDONLY).catch(() => null);
  if (handle === null) return Buffer.alloc(0);
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, maxBytes));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
