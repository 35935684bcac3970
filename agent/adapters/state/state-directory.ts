// The state directory as a whole: one agent at a time, and what a kill left behind.
import { join } from 'node:path';
import { FairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { type Lock, tryLock } from '../../../shared/node/lock.ts';
import { settleDirectory } from '../../../shared/node/settle-directory.ts';

/** The tree store settles its own; what services keep, and what they log, is theirs. */
const NOT_OURS: ReadonlySet<string> = new Set(['store', 'data', 'logs']);

/** Makes the directory where there is none. Errors: agent/already-running, disk/*. */
export async function acquireStateLock(stateDir: string): Promise<Lock> {
  await makeDirectory(stateDir);
  const lock = await tryLock(join(stateDir, 'lock'));
  if (lock === null) throw new FairleadError('agent/already-running', { stateDir });
  return lock;
}

/** Once at the start, while nothing else writes. Error: disk/failed. */
export async function settleState(stateDir: string): Promise<void> {
  await settleDirectory(stateDir, NOT_OURS);
}
