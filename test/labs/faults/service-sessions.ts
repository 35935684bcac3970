// Service processes of the laboratory: found by the tree they run in, ended when a case is over.
import { readdir, readFile, readlink } from 'node:fs/promises';
import { RELEASES } from './releases.ts';

export interface ServiceSession {
  /** Also the process group. */
  readonly session: number;
  readonly release: string;
}

/** One for each session in which a process runs in a tree below the directory. */
export async function servicesBelow(directory: string): Promise<readonly ServiceSession[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = new Map<number, ServiceSession>();
  for (const pid of pids) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    const tree = cwd.startsWith(`${directory}/`)
      ? /\/trees\/([0-9a-f]{64})\/files/.exec(cwd)?.[1]
      : undefined;
    const session = await sessionOf(pid);
    if (tree === undefined || session === null) continue;
    found.set(session, { session, release: RELEASES.get(tree) ?? tree });
  }
  return [...found.values()];
}

export async function endServicesBelow(directory: string): Promise<void> {
  for (const { session } of await servicesBelow(directory)) {
    try {
      process.kill(-session, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}

async function sessionOf(pid: string): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null);
  if (text === null) return null;
  const [state, , , session] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? null : Number(session);
}
