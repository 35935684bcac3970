// The kernel's table of TCP connections: how many somebody still holds open to a port of this machine.
import { readFile } from 'node:fs/promises';

// proc(5): ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT: at least one direction may still carry something.
const OPEN = new Set(['01', '04', '05', '08']);
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
  const remote = `${LOOPBACK}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').filter((line) => {
    if (!line.includes(remote)) return false;
    const [, , to, state = '', , , , , , inode] = line.trim().split(/\s+/);
    return to === remote && OPEN.has(state) && inode !== '0';
  }).length;
}
