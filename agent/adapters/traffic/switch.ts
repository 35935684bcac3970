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

/** `path` is the route file; it is read again for every connection. */
export function serveTraffic(path: string): Server {
  const read = (): Upstream => JSON.parse(readFileSync(path, 'utf8')) as Upstream;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    client.on('error', () => client.destroy());
    pass(client, read, TRIES);
  });
  const { address, publicPort } = read();
  return server.listen(publicPort, address);
}

function pass(client: Socket, read: () => Upstream, tries: number): void {
  if (client.destroyed) return;
  const upstream = connect({ host: '127.0.0.1', port: read().port, allowHalfOpen: true });
  const again = () => {
    upstream.destroy();
    if (tries > 1) setTimeout(() => pass(client, read, tries - 1), PAUSE_MS);
    else client.destroy();
  };
  upstream.once('error', again);
  upstream.once('connect', () => {
    upstream.off('error', again);
    join(client, upstream);
  });
}

/** Either side may close its direction first; an error ends both. */
function join(client: Socket, upstream: Socket): void {
  upstream.on('error', () => client.destroy());
  client.on('close', () => upstream.destroy());
  upstream.on('close', () => client.destroySoon());
  client.pipe(upstream);
  upstream.pipe(client);
}

const [, program, path] = process.argv;
if (program === import.meta.filename && path !== undefined) serveTraffic(path);
