// A receiver of webhooks on this machine: it writes down what it is sent, and answers what the test says.
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runOutbox } from './outbox.ts';
import type { TestServer } from './server-under-test.ts';

export interface Heard {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  /** What it said yes to. */
  readonly taken: Heard[];
  /** All that arrived, whatever it answered. */
  readonly heard: Heard[];
  /** A status, or what is done in its place. */
  answer: (heard: Heard, response: ServerResponse) => number | null;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const taken: Heard[] = [];
  const heard: Heard[] = [];
  const receiver: Omit<Receiver, 'url' | 'close'> = { taken, heard, answer: () => 200 };
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      const one = { id: String(request.headers['webhook-id']), headers: request.headers, body };
      heard.push(one);
      const status = receiver.answer(one, response);
      if (status === null) return;
      if (status < 300) taken.push(one);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  });
}

export interface Down {
  readonly sent: number;
  /** Ids that arrived. */
  readonly arrived: readonly string[];
  /** How many arrived more than once. */
  readonly twice: number;
  readonly tookMs: number;
}

const MINUTE_MS = 60_000;

/** What waits while a receiver is down for an hour, minute by minute, and then is not. Real time is measured from there on. */
export async function sendAfterAnHour(server: TestServer, receiver: Receiver, sent: number): Promise<Down> {
  receiver.answer = () => 503;
  for (let minute = 0; minute < 60; minute++) {
    await runOutbox(server);
    server.now += MINUTE_MS;
  }
  receiver.answer = () => 200;
  const began = performance.now();
  for (let run = 0; run < 200 && receiver.taken.length < sent; run++) {
    server.now += MINUTE_MS;
    await runOutbox(server);
  }
  const ids = receiver.taken.map(({ id }) => id);
  const arrived = [...new Set(ids)];
  return { sent, arrived, twice: ids.length - arrived.length, tookMs: performance.now() - began };
}
