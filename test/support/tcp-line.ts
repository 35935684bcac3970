// A line between a program and its database that a test can cut, let fall silent, and mend.
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpLine {
  readonly port: number;
  /** Every connection breaks, and none is taken. */
  cut(): Promise<void>;
  /** What is sent arrives nowhere, in either direction, and nobody is told. */
  silence(): void;
  /** New connections go through again; those that were silent break. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

export async function openLine(to: number | string): Promise<TcpLine> {
  const sockets = new Set<Socket>();
  let silent = false;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  };
  const take = (here: Socket) => {
    keep(here);
    if (silent) return void here.pause();
    const there = typeof to === 'string' ? connect(to) : connect(to, '127.0.0.1');
    keep(there);
    here.pipe(there).pipe(here);
    for (const one of [here, there]) one.once('close', () => (silent ? undefined : breakBoth()));
    const breakBoth = () => {
      here.destroy();
      there.destroy();
    };
  };
  let server = await listen(take, 0);
  const port = (server.address() as { readonly port: number }).port;
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = () => new Promise<void>((resolve) => server.close(() => resolve()));
  const cut = async () => {
    const stopped = server.listening ? stop() : Promise.resolve();
    breakAll();
    await stopped;
  };
  return {
    port,
    cut,
    silence: () => {
      silent = true;
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    mend: async () => {
      silent = false;
      breakAll();
      if (!server.listening) server = await listen(take, port);
    },
    close: cut,
  };
}

function listen(take: (socket: Socket) => void, port: number): Promise<Server> {
  const server = createServer(take);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
