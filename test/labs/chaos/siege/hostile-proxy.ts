// A proxy before the release server that answers as it likes, and honestly when it is told to.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

/** `real` asks the server behind; `count` numbers the requests of one attack. */
export type Behaviour = (exchange: {
  readonly url: string;
  readonly response: ServerResponse;
  readonly count: number;
  real(): Promise<Answer>;
}) => Promise<unknown> | unknown;

export interface HostileProxy {
  readonly port: number;
  /** Null: honest. */
  behave(behaviour: Behaviour | null, serverPort: number): void;
  close(): void;
}

export async function startHostileProxy(): Promise<HostileProxy> {
  let behaviour: Behaviour = honest;
  let target = 0;
  let count = 0;
  const server = createServer(async (incoming, response) => {
    try {
      const body = await bodyOf(incoming);
      const real = () => ask(incoming, body, target);
      await behaviour({ url: incoming.url ?? '/', response, count: count++, real });
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    port: (server.address() as AddressInfo).port,
    behave(next, serverPort) {
      behaviour = next ?? honest;
      target = serverPort;
      count = 0;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Answers with this length and these bytes; the two need not agree. */
export function reply(
  response: ServerResponse,
  { status, headers, body }: Answer,
  length = body.length,
): void {
  const { 'transfer-encoding': _, connection: __, ...others } = headers;
  response.writeHead(status, { ...others, 'content-length': length });
  response.write(body);
}

const honest: Behaviour = async ({ response, real }) => {
  reply(response, await real());
  response.end();
};

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function ask({ url, method, headers }: IncomingMessage, body: Buffer, port: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: url, method, headers }, async (answer) => {
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: await bodyOf(answer) });
    });
    asked.once('error', reject);
    asked.end(body);
  });
}
