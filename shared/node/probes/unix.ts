// Asking at a socket of the service's own: found without following a link, so that a release cannot have another one asked.
import { constants, type FileHandle, open } from 'node:fs/promises';
import { systemCode } from '../../errors/error.ts';
import type { Answer } from '../../schema/probes/probe-kind.ts';
import type { Asked } from '../../schema/probes/probes.ts';
import { isName } from '../../schema/probes/unix.ts';
import { exchange } from './http.ts';
import { connect } from './tcp.ts';

export async function askUnix(question: Asked<'unix'>, limit: AbortSignal): Promise<Answer> {
  const found = await openSocket(question);
  if (typeof found === 'string') return { healthy: false, detail: found };
  try {
    const socketPath = pathOf(found);
    if (question.get === null) return await connect({ path: socketPath }, limit);
    return await exchange({ socketPath, path: question.get, method: 'GET' }, question, limit);
  } catch (error) {
    // The refusal of a socket whose queue is full is spelt as a shortage of this machine is.
    if (systemCode(error) === 'EAGAIN') return { healthy: false, detail: 'its queue of connections is full' };
    throw error;
  } finally {
    await found.close();
  }
}

/** From open(2): names a place in the file system, and opens nothing of what is there. Node has no word for it. */
const O_PATH = 0o10_000_000;
const WALK = O_PATH | constants.O_NOFOLLOW;

/**
 * A release, and the service itself, could have the agent ask any socket of the machine with the agent's rights: the
 * container engine's, a database's. So the path is walked as openat(2) would, from the service's own directory, each name
 * held open until the next is found in it; and a second name for somebody's socket is not taken for the service's own.
 */
async function openSocket({ directory, names }: Asked<'unix'>): Promise<FileHandle | string> {
  if (!names.every(isName)) return 'its path leads out of the data of the service';
  // The directory itself is the agent's to make and, with the way to it, the operator's to place.
  let held = await open(directory, O_PATH | constants.O_DIRECTORY);
  try {
    for (const name of names) {
      const next = await open(`${pathOf(held)}/${name}`, WALK);
      await held.close();
      held = next;
    }
    const found = await held.stat();
    if (found.isSocket() && found.nlink === 1) return held;
    const problem = found.isSocket() ? 'a second name for a socket' : 'no socket';
    await held.close();
    return `what is there is ${problem}`;
  } catch (error) {
    await held.close();
    throw error;
  }
}

function pathOf({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`;
}
