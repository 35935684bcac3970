// The kernel's process table: who lives, in which session and control group, and whose it is.
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { isShortage } from '../../../shared/errors/error.ts';
import { createRests } from '../../../shared/node/turns.ts';

export interface ProcessEntry {
  readonly pid: number;
  /** Pid of the process that began the session; it cannot be reused while one of the session lives. */
  readonly session: number;
  /** Clock ticks since boot: with the pid it names a process for good. */
  readonly startTime: string;
}

/**
 * Null when there is no such process, or only its unreaped remains. Synchronous: the kernel answers at once, whatever the process
 * does, and sooner than a thread could be asked.
 */
export async function readProcess(pid: number): Promise<ProcessEntry | null> {
  try {
    return parseProcess(pid, readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch (error) {
    return unlessShort(null)(error);
  }
}

/** `text` as in /proc/PID/stat, see proc(5). Null as above. */
export function parseProcess(pid: number, text: string): ProcessEntry | null {
  // The program's name stands in parentheses and may hold anything, parentheses included.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , , session] = fields;
  const [threads, startTime] = [fields[17], fields[19]];
  if (state === undefined || startTime === undefined) return null;
  // A first thread that has ended looks the same, while others run on.
  const remains = state === 'X' || (state === 'Z' && Number(threads) <= 1);
  return remains ? null : { pid, session: Number(session), startTime };
}

export async function listProcesses(): Promise<readonly ProcessEntry[]> {
  const entries = await lookAtEach(await listPids(), readProcess);
  return entries.filter((entry) => entry !== null);
}

export async function listPids(): Promise<readonly number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

const AT_ONCE = 16;

/** A few at a time: every look takes a descriptor, and a machine may run thousands of processes. */
export async function lookAtEach<Item, Found>(
  items: readonly Item[],
  look: (item: Item) => Promise<Found>,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  const rest = createRests();
  for (let start = 0; start < items.length; start += AT_ONCE) {
    await rest();
    found.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(look))));
  }
  return found;
}

/** A variable of the environment the process was started with; null when it has none or may not be looked at. */
export async function readVariable(pid: number, name: string): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(unlessShort(''));
  const line = text.split('\0').find((one) => one.startsWith(`${name}=`));
  return line === undefined ? null : line.slice(name.length + 1);
}

/** Whoever started it: the real user id, which a set-user-id program does not change. Null when it is gone. */
export async function readOwner(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(unlessShort(''));
  const found = /^Uid:\s+(\d+)/m.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}

/** Where the service manager has put a process: its path in the unified hierarchy, or in systemd's own. Null when it is gone. */
export async function readControlGroup(pid: number | 'self'): Promise<string | null> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(unlessShort(''))).split('\n');
  const line =
    lines.find((one) => one.includes(':name=systemd:')) ?? lines.find((one) => one.startsWith('0::'));
  return line?.split(':').slice(2).join(':') ?? null;
}

/** Changes with every boot: pids and start times mean nothing beyond it. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** Only the very process that was looked at: its number may be a stranger's by now. False when it was gone already. */
export function signalProcess(
  { pid, startTime }: Pick<ProcessEntry, 'pid' | 'startTime'>,
  signal: 'SIGTERM' | 'SIGKILL',
): boolean {
  try {
    const now = parseProcess(pid, readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return now?.startTime === startTime && process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** An agent out of descriptors cannot look: it must not take what runs for gone, and start it twice. */
export function unlessShort<T>(gone: T): (error: unknown) => T {
  return (error) => {
    if (isShortage(error)) throw error;
    return gone;
  };
}
