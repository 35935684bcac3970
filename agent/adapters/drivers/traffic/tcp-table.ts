// The kernel's table of TCP connections: how many somebody still holds open to a port of this machine, and who listens there.
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { systemCode } from '../../../../shared/errors/error.ts';
import { lookAtEach, unlessShort } from '../../machine/process-table.ts';

// proc(5): ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT: at least one direction may still carry something.
const OPEN = new Set(['01', '04', '05', '08']);
const LISTEN = '0A';
const LOOPBACK = '0100007F';

/**
 * From the side of whoever opened them; those that a process has let go, and only the kernel still ends, do not count.
 * Where the table cannot be read there are none to wait for.
 */
export async function countConnectionsTo(port: number): Promise<number> {
  return countIn(await readFile('/proc/net/tcp', 'latin1').catch(() => ''), port);
}

/** `table` is the text of /proc/net/tcp, where addresses stand in the machine's own byte order, little-endian here. */
export function countIn(table: string, port: number): number {
  const remote = `${LOOPBACK}:${written(port)}`;
  return table.split('\n').filter((line) => {
    if (!line.includes(remote)) return false;
    const [, , to, state = '', , , , , , inode] = line.trim().split(/\s+/);
    return to === remote && OPEN.has(state) && inode !== '0';
  }).length;
}

/**
 * That something answers there does not say who: it is the process that holds the socket. What a process of another account
 * holds, a confined agent may not see: then it is one of that account.
 */
export async function isListening(pid: number, port: number): Promise<boolean> {
  const tables = await lookAtEach(['tcp', 'tcp6'], (name) =>
    readFile(`/proc/net/${name}`, 'latin1').catch(unlessShort('')),
  );
  const listeners = tables.flatMap((table) => listenersIn(table, port));
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(unlessShort([]));
  let isHidden = false;
  const held = await lookAtEach(descriptors, (name) =>
    readlink(`/proc/${pid}/fd/${name}`).catch((error: unknown) => {
      isHidden ||= systemCode(error) === 'EACCES';
      return unlessShort('')(error);
    }),
  );
  if (listeners.some(({ socket }) => held.includes(socket))) return true;
  const owner = isHidden ? (await stat(`/proc/${pid}`).catch(unlessShort(null)))?.uid : undefined;
  return listeners.some(({ uid }) => uid === owner);
}

interface Listener {
  /** As `/proc/PID/fd` names it. */
  readonly socket: string;
  readonly uid: number;
}

function listenersIn(table: string, port: number): readonly Listener[] {
  return table.split('\n').flatMap((line) => {
    const [, local, , state, , , , uid, , inode] = line.trim().split(/\s+/);
    const isHere = state === LISTEN && local?.endsWith(`:${written(port)}`) === true;
    return isHere ? [{ socket: `socket:[${inode}]`, uid: Number(uid) }] : [];
  });
}

function written(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}
