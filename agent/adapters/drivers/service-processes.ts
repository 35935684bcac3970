// Finding a service's processes: by the pid file when it is right, by the marker every one of them inherits when it is not.
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { listProcesses, lookAtEach, type ProcessEntry, readVariable } from '../machine/process-table.ts';
import { createPidFiles, type Leader, type PidFiles } from './pid-files.ts';

export interface ServiceProcesses {
  /** The environment variable that marks every process of the unit. It cannot be lost as a file can. */
  markerFor(component: ComponentKey, identity: string): Record<string, string>;
  /** The process that was started for the service, while it lives. */
  leader(component: ComponentKey): Promise<Leader | null>;
  /** Every living process of the service, also those that outlived the leader or left its session. */
  members(component: ComponentKey): Promise<readonly ProcessEntry[]>;
  note(component: ComponentKey, leader: Leader): Promise<void>;
  /** True when the service was started and not stopped since. */
  isNoted(component: ComponentKey): Promise<boolean>;
  forget(component: ComponentKey): Promise<void>;
}

/** Stands in the environment of every process of a service: `OWNER:COMPONENT:IDENTITY`. */
export const SERVICE_MARKER = 'FAIRLEAD_SERVICE';

interface Marked extends ProcessEntry {
  readonly identity: string;
}

/** `directory` holds the pid files; `stateDirectory` tells this agent's services from those of another on the machine. */
export function createServiceProcesses(directory: string, stateDirectory: string): ServiceProcesses {
  const files = createPidFiles(directory);
  const owner = markerOwner(stateDirectory);

  async function marked(component: ComponentKey): Promise<readonly Marked[]> {
    const prefix = `${owner}:${component}:`;
    const all = await lookAtEach(await listProcesses(), async (entry) => {
      const value = await readVariable(entry.pid, SERVICE_MARKER);
      return value?.startsWith(prefix) ? { ...entry, identity: value.slice(prefix.length) } : null;
    });
    return all.filter((entry) => entry !== null);
  }

  return {
    markerFor: (component, identity) => ({ [SERVICE_MARKER]: `${owner}:${component}:${identity}` }),
    async leader(component) {
      const noted = await files.read(component);
      if (noted !== null && noted.pid !== null) return noted.leader;
      // The agent may have died, or the disk been full, between the start and the pid file.
      const [first] = (await marked(component)).filter((entry) => entry.pid === entry.session).sort(byStart);
      if (first !== undefined) await files.write(component, first).catch(() => undefined);
      return first ?? null;
    },
    async members(component) {
      const own = await marked(component);
      const noted = await notedSession(files, component);
      const all = await listProcesses();
      const pids = new Set(own.map((entry) => entry.pid));
      // Whoever tries the service out in a terminal has its marker too, in a session that somebody else leads.
      const isOurs = (session: number) => pids.has(session) || all.every((entry) => entry.pid !== session);
      const sessions = new Set([...own.map((entry) => entry.session).filter(isOurs), noted]);
      return all.filter((entry) => pids.has(entry.pid) || sessions.has(entry.session)).filter(isOther);
    },
    note: (component, leader) => files.write(component, leader),
    isNoted: async (component) => (await files.read(component)) !== null,
    forget: (component) => files.remove(component),
  };
}

/** How the marker names the agent a process belongs to. */
export function markerOwner(stateDirectory: string): string {
  return createHash('sha256').update(resolve(stateDirectory)).digest('hex').slice(0, 16);
}

// A service may have overwritten its environment. Its session is still known: the leader lives, or nobody has its
// number, which the kernel withholds as long as one of the session lives.
async function notedSession(files: PidFiles, component: ComponentKey): Promise<number | null> {
  const noted = await files.read(component);
  return noted?.pid ?? null;
}

function byStart(a: ProcessEntry, b: ProcessEntry): number {
  return Number(a.startTime) - Number(b.startTime);
}

function isOther(entry: ProcessEntry): boolean {
  return entry.pid !== process.pid;
}
