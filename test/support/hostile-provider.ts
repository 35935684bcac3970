// A provider on loopback that says of people whatever the test has it say, under its own signature.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export interface HostileProvider {
  readonly issuer: string;
  /** What it signs unless told otherwise; `undefined` leaves a claim out. */
  claims: JWTPayload;
  /** Answers to a path in place of its own. */
  readonly answers: Map<string, (request: IncomingMessage, response: ServerResponse) => void>;
  /** What it tells of itself besides. */
  description: Readonly<Record<string, unknown>>;
  /** Bodies and headers of what was asked of it. */
  readonly heard: {
    readonly path: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }[];
  close(): Promise<void>;
}

export async function startHostileProvider(): Promise<HostileProvider> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', use: 'sig', alg: 'ES256' }] };
  const json = (response: ServerResponse, body: unknown) =>
    void response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  const server = createServer(async (request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    self.heard.push({ path, headers: request.headers, body: Buffer.concat(parts).toString() });
    const answer = self.answers.get(path);
    if (answer !== undefined) return answer(request, response);
    if (path === '/jwks') return json(response, jwks);
    if (path === '/userinfo') return json(response, { sub: self.claims.sub, groups: ['ops'] });
    if (path !== '/token') return json(response, describe());
    const token = new SignJWT(self.claims).setProtectedHeader({ alg: 'ES256', kid: 'one' });
    return json(response, {
      token_type: 'Bearer',
      access_token: 'at',
      id_token: await token.sign(privateKey),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const describe = () => ({
    ...{ issuer, jwks_uri: `${issuer}/jwks`, authorization_endpoint: `${issuer}/authorize` },
    ...{ token_endpoint: `${issuer}/token`, userinfo_endpoint: `${issuer}/userinfo` },
    ...self.description,
  });
  const self: HostileProvider = {
    ...{ issuer, claims: {}, answers: new Map(), description: {}, heard: [] },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return self;
}
