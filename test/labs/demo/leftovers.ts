// Ending what runs for a demo's directory: the programs it started, and the applications, which outlive their agent.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { markerOwner, SERVICE_MARKER } from '../../../agent/adapters/drivers/service-processes.ts';
import {
  listProcesses,
  type ProcessEntry,
  readOwner,
  readProcess,
  readVariable,
  signalProcess,
} from '../../../agent/adapters/machine/process-table.ts';

/** In the environment of everything the demo starts itself. */
export const DEMO_MARKER = 'FAIRLEAD_DEMO';

const PROGRAMS = ['agent/cli/main.ts', 'server/main.ts', 'server/vendor/cli/main.ts'].map((path) =>
  join(import.meta.dirname, '..', '..', '..', path),
);
const PATIENCE_MS = 10_000;

/** TERM, patience, KILL: to exactly the processes that say themselves that they belong to `directory`. Answers how many. */
export async function endProcessesOf(directory: string): Promise<number> {
  const found = await processesOf(directory);
  for (const entry of found) signalProcess(entry, 'SIGTERM');
  const end = performance.now() + PATIENCE_MS;
  for (let left = found; left.length > 0; left = await stillAlive(left)) {
    if (performance.now() > end) for (const entry of left) signalProcess(entry, 'SIGKILL');
    await delay(50);
  }
  return found.length;
}

export async function processesOf(directory: string): Promise<readonly ProcessEntry[]> {
  const all = await listProcesses();
  const belongs = await Promise.all(all.map(({ pid }) => pid !== process.pid && isOf(directory, pid)));
  return all.filter((_, index) => belongs[index]);
}

async function isOf(directory: string, pid: number): Promise<boolean> {
  const stateDir = join(directory, 'agent');
  // A word in the environment is anybody's to write: no other account's program is ended for it.
  if ((await readOwner(pid)) !== process.getuid?.()) return false;
  if ((await readVariable(pid, DEMO_MARKER)) === directory) return true;
  if ((await readVariable(pid, SERVICE_MARKER))?.startsWith(`${markerOwner(stateDir)}:`)) return true;
  // Started again by hand, to look around: a person's other programs may have the same environment.
  if ((await readVariable(pid, 'FAIRLEAD_STATE_DIR')) !== stateDir) return false;
  const [, script] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return PROGRAMS.includes(script ?? '');
}

/** Pid and start time together are a process; the pid alone may be a stranger's by now. */
async function stillAlive(entries: readonly ProcessEntry[]): Promise<readonly ProcessEntry[]> {
  const now = await Promise.all(entries.map(({ pid }) => readProcess(pid)));
  return entries.filter((entry, index) => now[index]?.startTime === entry.startTime);
}
