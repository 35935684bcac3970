// A real OpenID provider on loopback at which people sign in with a browser, and which tells of their groups.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

export const CLIENT = 'fairlead-web';
/** With what a form-encoding changes. */
export const CLIENT_SECRET = 'a secret: of +the tests% alone, long enough';

export interface PeopleOptions {
  /** Of the server's callback. */
  readonly redirectUri: string;
  readonly isPublic?: boolean;
  /** Many providers tell of groups only where they are asked with the access token. */
  readonly groupsInIdToken?: boolean;
  readonly authMethod?: 'client_secret_basic' | 'client_secret_post';
}

export interface PeopleProvider {
  readonly issuer: string;
  /** By login; whoever does not stand here has none. */
  readonly groups: Map<string, unknown>;
  /** Requests by their path so far. */
  asked(path: string): number;
  /** New keys; the old ones are forgotten. */
  rotate(): void;
  /** From now on it answers every request with this. */
  answerWith(listener: RequestListener): void;
  close(): Promise<void>;
}

export async function startPeopleProvider(options: PeopleOptions): Promise<PeopleProvider> {
  const groups = new Map<string, unknown>();
  const asked = new Map<string, number>();
  let serve: RequestListener = (_request, response) => void response.writeHead(503).end();
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    asked.set(path, (asked.get(path) ?? 0) + 1);
    serve(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rotate = () => {
    serve = new Provider(issuer, configurationOf(options, groups)).callback();
  };
  rotate();
  return {
    ...{ issuer, groups, rotate },
    asked: (path) => asked.get(path) ?? 0,
    answerWith: (listener) => {
      serve = listener;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function configurationOf(options: PeopleOptions, groups: ReadonlyMap<string, unknown>): object {
  const {
    redirectUri,
    isPublic = false,
    groupsInIdToken = true,
    authMethod = 'client_secret_basic',
  } = options;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'ES256' };
  const secret = { client_secret: CLIENT_SECRET, token_endpoint_auth_method: authMethod };
  return {
    clients: [
      {
        ...{ client_id: CLIENT, redirect_uris: [redirectUri], response_types: ['code'] },
        ...{ grant_types: ['authorization_code'], id_token_signed_response_alg: 'ES256' },
        ...(isPublic ? { token_endpoint_auth_method: 'none' } : secret),
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: ['of the tests alone'] },
    scopes: ['openid', 'groups'],
    claims: { openid: ['sub'], groups: ['groups'] },
    conformIdTokenClaims: !groupsInIdToken,
    ...(isPublic ? {} : { clientAuthMethods: [authMethod] }),
    findAccount: (_context: unknown, accountId: string) => ({
      accountId,
      claims: async () => ({ sub: accountId, groups: groups.get(accountId) }),
    }),
  };
}
