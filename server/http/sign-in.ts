// Sign-in with the vendor's identity provider: programs bring its access tokens (RFC 9068); people come with a browser (OpenID Connect, code with PKCE).
import { z } from 'zod';
import { durationMs, type EpochMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import type { BrowserSignIn, SignIn } from '../context.ts';
import {
  type BrowserClient,
  type Identity,
  type IdentityConfig,
  identityOf,
  personOf,
} from '../core/identity.ts';
import { challengeOf, SIGN_IN_MS, type SignInState } from '../core/sign-in-state.ts';
import { createProvider, type Provider, refused as refusedToken, unreachable } from './provider.ts';

/** Below the address that the provider knows this server by. */
export const CALLBACK = '/auth/callback';

/** What a browser brings back: RFC 6749 §4.1.2, RFC 9207. What else stands there is passed over. */
const comesBack = z.object({
  code: z.string().min(1).optional(),
  error: z.string().optional(),
  iss: z.string().optional(),
});

const redeemed = z.object({ id_token: z.string(), access_token: z.string().optional() });
const refusal = z.object({ error: z.string() });

interface Client {
  readonly provider: Provider;
  readonly config: IdentityConfig;
  readonly browser: BrowserClient;
  readonly secret: string | null;
}

/** `secret` is this server's own at the provider; without one it is a public client there. */
export function createSignIn(config: IdentityConfig, secret: string | null = null): SignIn {
  const provider = createProvider(config.issuer);
  return {
    verify: async (text, now) => {
      const claims = await provider.verify(text, { audience: config.audience }, now);
      const identity = identityOf(claims, config);
      if (identity === null) throw refusedToken(`its claims "sub" and "${config.name}" name nobody`);
      return personOf(identity, config);
    },
    browser:
      config.browser === undefined ? null : createBrowserSignIn(provider, config, config.browser, secret),
  };
}

function createBrowserSignIn(
  provider: Provider,
  config: IdentityConfig,
  browser: BrowserClient,
  secret: string | null,
): BrowserSignIn {
  const client = { provider, config, browser, secret };
  return {
    issuer: provider.issuer,
    origin: browser.url,
    lastsMs: durationMs(browser.lasts),
    begin: (begun, now) => addressOf(client, begun, now),
    complete: (query, begun, now) => complete(client, query, begun, now),
    personOf: (identity) => personOf(identity, config),
    // Whoever signs out here is signed out here, also where the provider cannot say where to go on.
    signOutAddress: async (now) =>
      (await provider.describe(now).catch(() => null))?.end_session_endpoint ?? null,
  };
}

async function addressOf({ provider, browser }: Client, begun: SignInState, now: EpochMs): Promise<string> {
  const { authorization_endpoint: endpoint } = await provider.describe(now);
  if (endpoint === undefined) throw unreachable(provider.issuer, 'it signs in nobody with a browser');
  const url = new URL(endpoint);
  const parameters = {
    response_type: 'code',
    client_id: browser.clientId,
    redirect_uri: browser.url + CALLBACK,
    scope: ['openid', ...browser.scopes].join(' '),
    state: begun.state,
    nonce: begun.nonce,
    code_challenge: challengeOf(begun.verifier),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** The state was held against the browser before. */
async function complete(client: Client, query: unknown, begun: SignInState, now: EpochMs): Promise<Identity> {
  const { provider, config } = client;
  const parsed = comesBack.safeParse(query);
  // A parameter that stands there twice is read differently by different programs: RFC 6749 §3.1.
  if (!parsed.success) throw refused('the answer of the identity provider is not understood');
  const { code, error, iss } = parsed.data;
  const { authorization_response_iss_parameter_supported: saysWho } = await provider.describe(now);
  // RFC 9207 §2.4: what another provider gave must not be redeemed at this one (mix-up).
  if (iss === undefined ? saysWho === true : iss !== provider.issuer)
    throw refused('the answer is of another identity provider');
  if (error !== undefined) throw refused(`the identity provider says ${sanitizeLine(error, 80)}`);
  if (code === undefined) throw refused('the identity provider gave no code');
  const tokens = await redeem(client, code, begun, now);
  const claims = await verifyIdToken(client, tokens.id_token, begun, now);
  const identity = identityOf(await withGroups(client, claims, tokens.access_token, now), config);
  if (identity === null) throw refused(`the claims "sub" and "${config.name}" name nobody`);
  if (personOf(identity, config).roles.length === 0)
    throw new FairleadError('auth/no-role', { name: identity.name });
  return identity;
}

/** RFC 6749 §4.1.3, RFC 7636 §4.5. */
async function redeem(client: Client, code: string, { verifier }: SignInState, now: EpochMs) {
  const { provider, browser, secret } = client;
  const described = await provider.describe(now);
  const { token_endpoint: endpoint, token_endpoint_auth_methods_supported: methods } = described;
  if (endpoint === undefined) throw unreachable(provider.issuer, 'it redeems no codes');
  const inHeader = secret !== null && methods?.includes('client_secret_basic') !== false;
  const { status, body } = await provider.ask(endpoint, {
    method: 'POST',
    headers: inHeader ? { authorization: basic(browser.clientId, secret) } : {},
    body: new URLSearchParams({
      ...{ grant_type: 'authorization_code', code, code_verifier: verifier },
      redirect_uri: browser.url + CALLBACK,
      ...(inHeader ? {} : { client_id: browser.clientId }),
      ...(inHeader || secret === null ? {} : { client_secret: secret }),
    }),
  });
  const tokens = redeemed.safeParse(body);
  if (status === 200 && tokens.success) return tokens.data;
  const error = refusal.safeParse(body).data?.error ?? `status ${status}`;
  // Ours to mend, and not that of whoever signs in.
  if (error === 'invalid_client') throw unreachable(provider.issuer, 'it does not know this server’s client');
  throw refused(`the identity provider did not redeem the code: ${sanitizeLine(error, 80)}`);
}

/** RFC 6749 §2.3.1: each is form-encoded first, so that a colon in one of them divides nothing. */
function basic(id: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;
}

/** OpenID Connect Core 1.0 §3.1.3.7. */
async function verifyIdToken({ provider, browser }: Client, text: string, begun: SignInState, now: EpochMs) {
  const options = { audience: browser.clientId, maxTokenAge: SIGN_IN_MS / 1000 };
  const claims = await provider.verify(text, options, now).catch((error: unknown) => {
    if (isFairleadError(error, 'auth/refused'))
      throw refused(`the provider’s ID token is not accepted: ${error.data.problem}`, error);
    throw error;
  });
  // Another sign-in's token, or another person's, brought into this one.
  if (claims.nonce !== begun.nonce) throw refused('the provider’s ID token is of another sign-in');
  const isShared = Array.isArray(claims.aud) && claims.aud.length > 1;
  if (claims.azp === undefined ? isShared : claims.azp !== browser.clientId)
    throw refused('the provider’s ID token was made for another client');
  return claims;
}

type Claims = Readonly<Record<string, unknown>>;

/** Many providers tell of groups only where they are asked with the access token; the ID token goes first. */
async function withGroups(
  { provider, config }: Client,
  claims: Claims,
  accessToken: string | undefined,
  now: EpochMs,
): Promise<Claims> {
  const { userinfo_endpoint: endpoint } = await provider.describe(now);
  if (config.groups in claims || accessToken === undefined || endpoint === undefined) return claims;
  const { status, body } = await provider.ask(endpoint, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  const info = z.record(z.string(), z.unknown()).safeParse(body);
  // OpenID Connect Core 1.0 §5.3.2: an access token of somebody else must not lend their groups.
  if (status !== 200 || info.data?.sub !== claims.sub) throw refused('the provider tells of somebody else');
  return { ...info.data, ...claims };
}

function refused(problem: string, cause?: unknown): FairleadError {
  return new FairleadError('auth/sign-in-refused', { problem }, { cause });
}
