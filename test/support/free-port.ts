// A TCP port of this machine that nobody listens on.
import { createServer } from 'node:net';

/** Below the range that the kernel gives to connections going out: one of those never has it before the test does. */
const FIRST = 12_000;
const WORKERS = 8;
const PER_WORKER = 2_400;

const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS;
let next = Math.floor(Math.random() * PER_WORKER);

/** Another one at each call, and none that a test file beside this one is given. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PER_WORKER; tried++) {
    next = (next + 1) % PER_WORKER;
    const port = FIRST + worker * PER_WORKER + next;
    if (await isFree(port)) return port;
  }
  throw new Error('every port is taken');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (listens) await new Promise((resolve) => server.close(resolve));
  return listens;
}
