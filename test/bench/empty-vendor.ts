// A vendor with nothing on offer: enough of a server for an agent to poll, report and be idle.
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { writeEnrolment } from '../../agent/adapters/enrolment-file.ts';
import { createPolicy } from '../../agent/adapters/settings.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { DAY_MS, RepositorySimulator } from '../support/repository-simulator.ts';

export interface EmptyVendor {
  readonly url: string;
  readonly root: Uint8Array;
  /** Requests answered so far. */
  requests(): number;
  close(): void;
}

export async function startEmptyVendor(): Promise<EmptyVendor> {
  const repository = createRepository();
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    void answer(repository, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    root: repository.initialRoot(),
    requests: () => requests,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Makes a state directory that of an enrolled agent, with the policy it begins with. */
export async function enrol(stateDir: string, { url, root }: EmptyVendor): Promise<void> {
  mkdirSync(stateDir);
  await createPolicy(stateDir);
  await writeEnrolment(stateDir, {
    schema: 'fairlead/enrolment@1',
    server: url,
    instance: '00000000-0000-4000-8000-000000000001',
    name: 'bench',
    string: digestOf(utf8('bench')),
    root: { version: 1, digest: digestOf(root), bytes: Buffer.from(root).toString('base64') },
  });
}

async function answer(
  repository: RepositorySimulator,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'POST') {
    const { sequence } = (await json(request)) as { readonly sequence: number };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ sequence }));
    return;
  }
  const { status, bytes } = repository.answer((request.url ?? '/').replace(/^\/repository/, ''));
  response.writeHead(status, { 'content-length': bytes.length }).end(bytes);
}

function createRepository(): RepositorySimulator {
  const repository = new RepositorySimulator();
  const expires = formatInstant(Date.now() + DAY_MS);
  for (const signed of repository.signed.values()) signed.expires = expires;
  repository.publish('root', 'targets', 'snapshot', 'timestamp');
  return repository;
}
