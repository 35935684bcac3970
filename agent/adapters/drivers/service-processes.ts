// Finding a service's processes: those the agent started and what descends from them, whoever else claims to be one.
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import {
  listProcesses,
  lookAtEach,
  type ProcessEntry,
  readControlGroup,
  readOwner,
  readProcess,
  readVariable,
} from '../machine/process-table.ts';
import { createPidFiles, type Leader, type Noted } from './pid-files.ts';
import { createSeals } from './service-seal.ts';

export interface ServiceProcesses {
  /** The environment variables that every process of the unit inherits; `uid` is the account it is started as. */
  markerFor(component: ComponentKey, identity: string, uid: number): Promise<Record<string, string>>;
  /** The process that was started for the service, while it lives. */
  leader(component: ComponentKey): Promise<Leader | null>;
  /** Every living process of the service, also those that outlived the leader or left its session. */
  members(component: ComponentKey): Promise<readonly ProcessEntry[]>;
  /** Right after the start: where the process has ended already, its session is still known. */
  note(component: ComponentKey, started: Started): Promise<void>;
  /** True when the service was started and not stopped since. */
  isNoted(component: ComponentKey): Promise<boolean>;
  forget(component: ComponentKey): Promise<void>;
}

export interface Started {
  readonly pid: number;
  readonly identity: string;
  readonly uid: number;
}

/** Stands in the environment of every process of a service: `OWNER:COMPONENT:IDENTITY`. Everybody can write that: see the seal. */
export const SERVICE_MARKER = 'FAIRLEAD_SERVICE';
/** Beside it: `UID:SEAL`, which only this agent can have made. */
const SERVICE_SEAL = 'FAIRLEAD_SEAL';

interface Marked extends ProcessEntry {
  readonly identity: string;
  readonly uid: number;
}

const ROOT = 0;

/** `directory` holds the pid files; `stateDirectory` tells this agent's services from those of another on the machine. */
export function createServiceProcesses(directory: string, stateDirectory: string): ServiceProcesses {
  const files = createPidFiles(directory);
  const seals = createSeals(directory);
  const owner = markerOwner(stateDirectory);
  const prefixOf = (component: ComponentKey) => `${owner}:${component}:`;

  /** A marker can be copied by whoever reads it, so it counts only sealed, and only for the account it was sealed for. */
  async function readMarked(entry: ProcessEntry, component: ComponentKey): Promise<Marked | null> {
    const marker = await readVariable(entry.pid, SERVICE_MARKER);
    if (!marker?.startsWith(prefixOf(component))) return null;
    const uid = await readOwner(entry.pid);
    const sealed = await readVariable(entry.pid, SERVICE_SEAL);
    if (uid === null || sealed === null || sealed !== (await seals.known(marker, uid))) return null;
    return { ...entry, uid, identity: marker.slice(prefixOf(component).length) };
  }

  async function markedAmong(
    all: readonly ProcessEntry[],
    component: ComponentKey,
  ): Promise<readonly Marked[]> {
    const found = await lookAtEach(all, (entry) => readMarked(entry, component));
    return found.filter((entry) => entry !== null);
  }

  return {
    async markerFor(component, identity, uid) {
      const marker = `${prefixOf(component)}${identity}`;
      return { [SERVICE_MARKER]: marker, [SERVICE_SEAL]: await seals.make(marker, uid) };
    },
    async leader(component) {
      const noted = await files.read(component);
      if (noted !== null && noted.pid !== null) return noted.leader;
      // The agent may have died, or the disk been full, between the start and the pid file.
      const marked = await markedAmong(await listProcesses(), component);
      const [first] = marked.filter((entry) => entry.pid === entry.session).sort(byStart);
      if (first === undefined) return null;
      const controlGroup = (await readControlGroup(first.pid)) ?? undefined;
      await files.write(component, { ...first, controlGroup }).catch(() => undefined);
      return first;
    },
    async members(component) {
      const noted = await files.read(component);
      const all = (await listProcesses()).filter(isOther);
      const marked = await markedAmong(all, component);
      const pids = new Set(marked.map((entry) => entry.pid));
      const others = all.filter((entry) => entry.session === noted?.pid && !pids.has(entry.pid));
      return placedIn(noted, [...marked, ...(noted === null ? [] : await ownedBy(noted, others))]);
    },
    async note(component, { pid, identity, uid }) {
      const { startTime } = (await readProcess(pid)) ?? { startTime: '0' };
      // Its own is the agent's: a service that moves elsewhere at once would otherwise be followed there.
      const controlGroup = (await readControlGroup('self')) ?? undefined;
      await files.write(component, { pid, session: pid, startTime, identity, uid, controlGroup });
    },
    isNoted: async (component) => (await files.read(component)) !== null,
    forget: (component) => files.remove(component),
  };
}

/** How the marker names the agent a process belongs to. */
export function markerOwner(stateDirectory: string): string {
  return createHash('sha256').update(resolve(stateDirectory)).digest('hex').slice(0, 16);
}

/**
 * A service may have overwritten its environment, and its session is still known: nobody can enter one from outside. What runs
 * there as another account is none of an unprivileged service's: it could not end it either. Root's services may become anybody.
 */
async function ownedBy(noted: Noted, entries: readonly ProcessEntry[]): Promise<readonly ProcessEntry[]> {
  const account = noted.uid ?? (noted.leader === null ? null : await readOwner(noted.leader.pid));
  if (account === ROOT || entries.length === 0) return entries;
  const found = await lookAtEach(entries, async (entry) => {
    return (await readOwner(entry.pid)) === account ? entry : null;
  });
  return found.filter((entry) => entry !== null);
}

/**
 * Once the leader and its whole session have ended, the kernel may give their number to a stranger's; and the account's owner
 * may try the service out by hand. Neither is where the agent starts its services, if a service manager keeps them apart.
 */
async function placedIn(
  noted: Noted | null,
  entries: readonly ProcessEntry[],
): Promise<readonly ProcessEntry[]> {
  const place = noted?.controlGroup;
  if (place === undefined) return entries;
  const found = await lookAtEach(entries, async (entry) => {
    const group = await readControlGroup(entry.pid);
    return group === place || group?.startsWith(`${place.replace(/\/$/, '')}/`) ? entry : null;
  });
  return found.filter((entry) => entry !== null);
}

function byStart(a: ProcessEntry, b: ProcessEntry): number {
  return Number(a.startTime) - Number(b.startTime);
}

function isOther(entry: ProcessEntry): boolean {
  return entry.pid !== process.pid;
}
