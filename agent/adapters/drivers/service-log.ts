// A service's log file: written by the service itself, bounded by the agent.
import { constants, ftruncateSync, readSync, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { LogSince } from '../../ports/deploy.ts';
import type { Clock } from '../../ports/machine.ts';
import type { Account } from '../machine/account.ts';
import { clearMarks, type Mark, positionOf, readMarks, writeMark, writeMarks } from './log-marks.ts';
import { openRegular, openWritable, readEnd } from './regular-file.ts';

const MAX_LOG_BYTES = 8 << 20;
const { O_APPEND, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY } = constants;

/** For the output of one start, whose lines can be told from those before. */
export async function openForStart(path: string, account: Account, clock: Clock): Promise<FileHandle> {
  await boundLog(path);
  const log = await openLog(path, account);
  await writeMark(path, { at: clock.now(), kind: 'start' });
  return log;
}

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
    const marks = await readMarks(path);
    // A kill in between must leave no mark that hides what is written after the cut.
    await clearMarks(path);
    const cut = await moveAway(log, size - MAX_LOG_BYTES, `${path}.1`).catch(() => null);
    // On a full disk the cut is what helps: lines are lost then, not the disk.
    if (cut === null) await log.truncate(0);
    else await writeMarks(path, movedBy(cut, marks));
  } finally {
    await log.close();
  }
}

/** What was moved away stands before the beginning. */
function movedBy(cut: number, marks: readonly Mark[]): readonly Mark[] {
  return marks.map((mark) => ({ ...mark, position: mark.position - cut }));
}

/** Remembers how far the log was now: each minute, so that it can be asked what came since. */
export async function keepLog(path: string, clock: Clock): Promise<void> {
  await boundLog(path);
  await writeMark(path, { at: clock.now(), kind: 'look' });
}

/** Answers how many bytes the log has lost. */
async function moveAway(log: FileHandle, from: number, path: string): Promise<number> {
  const beside = await openWritable(path, O_CREAT | O_TRUNC | O_WRONLY);
  try {
    const kept = Buffer.alloc(MAX_LOG_BYTES);
    const { bytesRead } = await log.read(kept, 0, kept.length, from);
    await beside.write(kept, 0, bytesRead);
    return cutAfter(log.fd, from + bytesRead, beside.fd);
  } finally {
    await beside.close();
  }
}

/** What was written meanwhile moves too, in one breath with the cut: what then still comes between is a line at most. */
function cutAfter(log: number, start: number, beside: number): number {
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
  return start + moved;
}

/** The last bytes as text, of what was moved away too where the log itself holds fewer; `since` narrows it to what came then. */
export async function readServiceLog(path: string, maxBytes: number, since?: LogSince): Promise<string> {
  const from = since === undefined ? Number.NEGATIVE_INFINITY : positionOf(await readMarks(path), since);
  const now = await readEnd(path, maxBytes, from);
  const most = Math.min(maxBytes - now.length, Math.max(0, -from));
  const before = await readEnd(`${path}.1`, most);
  return Buffer.concat([before, now]).toString('utf8');
}
