// The traffic switch: a program of its own that keeps a public port and passes each connection to where the route leads.
// It knows nothing else, so it outlives agents and versions; what it reads is replaced by one rename.
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

interface Upstream {
  readonly address: string;
  readonly publicPort: number;
  readonly port: number;
}

// A service that is being started again is waited for, rather than refusing its clients.
const TRIES = 50;
const PAUSE_MS = 100;
// Clients that all come back at once wait here rather than being turned away; the kernel has its own bound.
const BACKLOG = 4096;
// A peer that is gone without a word must not count as connected for ever.
const ALIVE = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 } as const;

/** `path` is the route file; it is read again for every connection. */
export function serveTraffic(path: string): Server {
  const route = followRoute(path);
  const server = createServer({ ...ALIVE, allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    client.on('error', () => client.destroy());
    pass(client, route, TRIES);
  });
  const { address, publicPort } = route();
  // Without a port it may as well end; once it listens, a connection that cannot be taken in must not end the others.
  server.once('listening', () => server.on('error', () => undefined));
  return server.listen({ host: address, port: publicPort, backlog: BACKLOG });
}

/** Where the last file that could be read leads: a process without free descriptors goes on as before. */
function followRoute(path: string): () => Upstream {
  const read = (): Upstream => JSON.parse(readFileSync(path, 'utf8')) as Upstream;
  let last = read();
  return () => {
    try {
      last = read();
    } catch {
      // It is read again at the next connection.
    }
    return last;
  };
}

function pass(client: Socket, route: () => Upstream, tries: number): void {
  if (client.destroyed) return;
  const upstream = connect({ ...ALIVE, host: '127.0.0.1', port: route().port, allowHalfOpen: true });
  const again = () => {
    upstream.destroy();
    if (tries > 1) setTimeout(() => pass(client, route, tries - 1), PAUSE_MS);
    else client.resetAndDestroy();
  };
  upstream.once('error', again);
  upstream.once('connect', () => {
    upstream.off('error', again);
    if (client.destroyed) upstream.destroy();
    else join(client, upstream);
  });
}

/** Either side may close its direction first. What breaks off on one side breaks off on the other: it is no end. */
function join(client: Socket, upstream: Socket): void {
  upstream.on('error', () => client.resetAndDestroy());
  client.on('error', () => upstream.resetAndDestroy());
  client.on('close', () => upstream.destroy());
  upstream.on('close', () => client.destroySoon());
  client.pipe(upstream);
  upstream.pipe(client);
}
