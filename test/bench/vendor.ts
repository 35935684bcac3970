// A vendor on loopback: enough of a server for an agent to poll, report and be idle.
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { writeEnrolment } from '../../agent/adapters/server/enrolment-file.ts';
import { createPolicy } from '../../agent/adapters/state/settings.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { TOP_LEVEL_ROLES } from '../../shared/trust/metadata.ts';
import { DAY_MS, type RepositorySimulator } from '../support/repository-simulator.ts';

export interface Vendor {
  readonly url: string;
  readonly root: Uint8Array;
  /** Requests answered so far. */
  requests(): number;
  close(): void;
}

/** Serves what the repository holds at each request: with nothing in it, a vendor with nothing on offer. */
export async function startVendor(repository: RepositorySimulator): Promise<Vendor> {
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
export async function enrol(stateDir: string, { url, root }: Vendor): Promise<void> {
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
  const etag = digestOf(bytes);
  if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
  else response.writeHead(status, { 'content-length': bytes.length, etag }).end(bytes);
}

/** Publishes everything, valid for a day from the real present. */
export function publishAll(repository: RepositorySimulator): RepositorySimulator {
  const expires = formatInstant(Date.now() + DAY_MS);
  for (const signed of repository.signed.values()) signed.expires = expires;
  const delegates = [...repository.signed.keys()].filter(
    (role) => !TOP_LEVEL_ROLES.some((topLevel) => topLevel === role),
  );
  repository.publish('root', ...delegates, 'targets', 'snapshot', 'timestamp');
  return repository;
}
