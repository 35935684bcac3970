// The state directory as a whole: one agent at a time, and what a kill left behind.
import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FairleadError } from '../../../shared/errors/error.ts';
import { isDirectory, makeDirectory } from '../../../shared/node/durable-file.ts';
import { type Lock, tryLock } from '../../../shared/node/lock.ts';
import { setAside, settleDirectory } from '../../../shared/node/set-aside.ts';
import type { Clock } from '../../ports/machine.ts';

/** The tree store settles its own; what services keep, and what they log, is theirs. */
const NOT_OURS: ReadonlySet<string> = new Set(['store', 'data', 'logs']);

/** Makes the directory where there is none. Errors: agent/already-running, disk/*. */
export async function acquireStateLock(stateDir: string): Promise<Lock> {
  await makeDirectory(stateDir);
  const lock = await tryLock(join(stateDir, 'lock'));
  if (lock === null) throw new FairleadError('agent/already-running', { stateDir });
  return lock;
}

const LOCK_LOOK_MS = 2_000;

/**
 * A state directory that was moved away, removed or replaced takes the lock with it: another agent may have taken the new
 * one, and whatever this one still wrote there would not be the state it knows. Resolves when that has happened.
 */
export async function untilStateIsLost(lock: Lock, clock: Pick<Clock, 'sleep'>): Promise<void> {
  while (await lock.isInPlace()) await clock.sleep(LOCK_LOOK_MS);
}

/** Also a link that leads nowhere. */
async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

/** Every directory that the agent makes in its state. */
const DIRECTORIES: readonly string[] = [
  ...[
    'approvals',
    'audit',
    'data',
    'generations',
    'journal',
    'logs',
    'outbox',
    'records',
    'run',
    'store',
    'trust',
  ],
  ...['store/handed', 'store/tmp', 'store/trees', 'trust/documents', 'trust/root_history'],
];

/** Once at the start, while nothing else writes. Error: disk/failed. */
export async function settleState(stateDir: string): Promise<void> {
  await mendDirectories(stateDir);
  await settleDirectory(stateDir, NOT_OURS);
}

/**
 * What stands in a directory's place and is none would keep the agent from starting, rounds from ending, or everything from
 * being deployed: it gives up its name. Answers with where that was. Error: disk/failed.
 */
export async function mendDirectories(stateDir: string): Promise<readonly string[]> {
  const mended: string[] = [];
  for (const name of DIRECTORIES) {
    const path = join(stateDir, name);
    if (!(await isThere(path)) || (await isDirectory(path))) continue;
    await setAside(path);
    mended.push(path);
  }
  return mended;
}

/** sockaddr_un holds 108 bytes with the closing zero; Linux answers a longer path with a puzzling EINVAL. */
const MAX_SOCKET_PATH_BYTES = 107;

export const DEFAULT_STATE_DIR = '/var/lib/fairlead';

/** Error: agent/socket-path. */
export function verifySocketPath(path: string): void {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return;
  throw new FairleadError('agent/socket-path', { path, limit: MAX_SOCKET_PATH_BYTES });
}

/** Its members decide here: an installed agent's socket is theirs. */
export const ADMIN_GROUP = 'fairlead';

/** An installed agent's socket stands where its group can reach it; any other state directory holds its own. */
export function socketPathOf(stateDir: string): string {
  const directory = resolve(stateDir);
  return directory === DEFAULT_STATE_DIR ? '/run/fairlead/agent.sock' : join(directory, 'agent.sock');
}
