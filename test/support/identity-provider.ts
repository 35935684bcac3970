// A real OpenID provider on loopback that gives programs access tokens, and changes its keys when the test says so.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { z } from 'zod';

export const AUDIENCE = 'urn:fairlead:releases';
const SECRET = 'a secret of the tests alone';
const answer = z.object({ access_token: z.string() });

export interface IdentityProvider {
  readonly issuer: string;
  /** Milliseconds that its tokens live. */
  lifetimeMs: number;
  /** Requests for its keys so far. */
  keyRequests(): number;
  /** An access token of a program in these groups. */
  token(groups: unknown, audience?: string): Promise<string>;
  /** From now on this is all that it says. */
  answerWith(body: string): void;
  /** New keys; the old ones are forgotten. */
  rotate(): void;
  close(): Promise<void>;
}

export async function startIdentityProvider(): Promise<IdentityProvider> {
  let serve: RequestListener = (_request, response) => void response.writeHead(503).end();
  let keyRequests = 0;
  let groups: unknown = [];
  const server = createServer((request, response) => {
    if (request.url === '/jwks') keyRequests++;
    serve(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rotate = () => {
    serve = new Provider(
      issuer,
      configurationOf(self, () => groups),
    ).callback();
  };
  const self: IdentityProvider = {
    issuer,
    lifetimeMs: 600_000,
    keyRequests: () => keyRequests,
    rotate,
    answerWith: (body) => {
      serve = (_request, response) => void response.end(body);
    },
    token: async (of, audience = AUDIENCE) => {
      groups = of;
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        scope: 'api',
        resource: audience,
      });
      const authorization = `Basic ${Buffer.from(`ci:${encodeURIComponent(SECRET)}`).toString('base64')}`;
      const response = await fetch(`${issuer}/token`, { method: 'POST', headers: { authorization }, body });
      return answer.parse(await response.json()).access_token;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  rotate();
  return self;
}

/** What it keeps: its tokens verify by themselves. */
class Nothing {
  async upsert(): Promise<void> {}
  async find(): Promise<undefined> {}
}

function configurationOf(provider: IdentityProvider, groups: () => unknown): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'ES256' };
  return {
    clients: [
      {
        ...{ client_id: 'ci', client_secret: SECRET, grant_types: ['client_credentials'] },
        ...{ redirect_uris: [], response_types: [], id_token_signed_response_alg: 'ES256' },
      },
    ],
    jwks: { keys: [key] },
    scopes: ['api'],
    adapter: Nothing,
    extraTokenClaims: () => ({ groups: groups() }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, audience: string) => ({
          ...{ audience, scope: 'api', accessTokenFormat: 'jwt' },
          accessTokenTTL: provider.lifetimeMs / 1000,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
}
