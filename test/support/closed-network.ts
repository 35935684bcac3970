// A network namespace with nothing but its own loopback, from which one door leads out: to a proxy.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

/** Why there can be none here; null where there can. */
export function closedNetworkMissing(): string | null {
  const made = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up']);
  return made.status === 0 ? null : 'needs the right to make network namespaces';
}

export interface ClosedNetwork {
  /** Where the door stands, as seen from inside. */
  readonly door: string;
  /** What goes before a command that is to run inside. */
  readonly enter: readonly string[];
  close(): Promise<void>;
}

const DOOR_PORT = 3128;
/** Inside it takes connections, outside it makes them: a socket of the file system joins the two. */
const INSIDE = `const { connect, createServer } = require('node:net');
createServer((one) => {
  const other = connect(process.argv[1]);
  for (const each of [one, other]) each.on('error', () => { one.destroy(); other.destroy(); });
  one.pipe(other).pipe(one);
}).listen(${DOOR_PORT}, '127.0.0.1', () => console.log('open'));`;

/** `to` is host:port outside. */
export async function closeNetwork(dir: string, to: string): Promise<ClosedNetwork> {
  const socket = join(dir, 'door');
  const [host = '', port = ''] = to.split(':');
  const outside = createServer((one) => {
    const other = connect(Number(port), host);
    for (const each of [one, other]) {
      each.on('error', () => {
        one.destroy();
        other.destroy();
      });
    }
    one.pipe(other).pipe(one);
  });
  outside.listen(socket);
  await once(outside, 'listening');
  const inner = `ip link set lo up && exec "$0" -e "$1" "$2"`;
  const child: ChildProcess = spawn(
    'unshare',
    ['--net', 'sh', '-c', inner, process.execPath, INSIDE, socket],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout ?? child, 'data');
  return {
    door: `127.0.0.1:${DOOR_PORT}`,
    enter: ['nsenter', `--net=/proc/${child.pid}/ns/net`],
    close: async () => {
      child.kill('SIGKILL');
      outside.close();
    },
  };
}
