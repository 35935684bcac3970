// The vendor's OpenID provider as this server meets it: what it says of itself, its keys, and answers of bounded size in bounded time.
import { errors } from 'jose';
import { createRemoteJWKSet, customFetch, type RemoteJWKSet } from 'jose/jwks/remote';
import { type JWTVerifyOptions, jwtVerify } from 'jose/jwt/verify';
import { z } from 'zod';
import { durationMs, type EpochMs } from '../../shared/encoding/instant.ts';
import { type JsonValue, parseJson } from '../../shared/encoding/json.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { isSafe } from '../core/identity.ts';

/** Asymmetric only: with a shared secret, whoever can verify can sign. */
const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'];
const CLOCK_TOLERANCE_SECONDS = 60;
/** A token that lives longer cannot be taken back in time. */
const MAX_LIFETIME_SECONDS = 24 * 3600;
const TIMEOUT_MS = 5_000;
/** Far above any set of keys. */
const MAX_BYTES = 256 << 10;
/** Its addresses change when it is rebuilt; whoever runs this server need not know. */
const DESCRIBED_MS = durationMs('PT1H');
/** One that could not be asked for anew is asked for again later; what it said before counts meanwhile. */
const AGAIN_MS = durationMs('PT1M');

const address = z.url().refine(isSafe);
/** OpenID Connect Discovery 1.0 §3, RFC 8414, RFC 9207. Without a browser only the keys are of interest. */
const description = z.object({
  issuer: z.string(),
  jwks_uri: address,
  authorization_endpoint: address.optional(),
  token_endpoint: address.optional(),
  userinfo_endpoint: address.optional(),
  end_session_endpoint: address.optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
});
type Description = z.output<typeof description>;

export interface Provider {
  readonly issuer: string;
  /** Error: auth/provider-unreachable. */
  describe(now: EpochMs): Promise<Description>;
  /** The claims of a token that it signed for `audience`. Errors: auth/refused, auth/provider-unreachable. */
  verify(
    text: string,
    options: JWTVerifyOptions & { readonly audience: string },
    now: EpochMs,
  ): Promise<Readonly<Record<string, unknown>>>;
  /** The JSON that it answers with, whatever its status. Error: auth/provider-unreachable. */
  ask(url: string, options: RequestInit): Promise<{ readonly status: number; readonly body: JsonValue }>;
}

interface Known {
  readonly description: Description;
  readonly keys: RemoteJWKSet;
}

export function createProvider(issuer: string): Provider {
  let known: Known | null = null;
  let asking: Promise<Known> | null = null;
  let askAgain = 0;
  const ask = (now: EpochMs) => {
    asking ??= discover(issuer, known)
      .then((found) => {
        known = found;
        askAgain = now + DESCRIBED_MS;
        return found;
      })
      // Asked again with the next token: a provider may start later than this server.
      .finally(() => {
        asking = null;
      });
    return asking;
  };
  const know = async (now: EpochMs): Promise<Known> => {
    if (known === null) return ask(now);
    // A clock that was set back must not keep an old description for ever.
    if (now >= askAgain || askAgain - now > DESCRIBED_MS) {
      askAgain = now + AGAIN_MS;
      // Nobody waits for it, and what it said before counts where it cannot be asked.
      ask(now).catch(() => undefined);
    }
    return known;
  };
  return {
    issuer,
    describe: async (now) => (await know(now)).description,
    verify: async (text, options, now) => verify(text, (await know(now)).keys, { ...options, issuer }, now),
    ask: async (url, options) => {
      const { status, bytes } = await fetchCapped(issuer, url, options);
      const body = parseOrNull(bytes, url);
      if (body === null) throw unreachable(issuer, `${url} answers with no JSON`);
      return { status, body };
    },
  };
}

async function verify(text: string, keys: RemoteJWKSet, options: JWTVerifyOptions, now: EpochMs) {
  try {
    const { payload } = await jwtVerify(text, keys, {
      ...{ algorithms: ALGORITHMS, clockTolerance: CLOCK_TOLERANCE_SECONDS, requiredClaims: ['exp', 'iat'] },
      ...options,
      currentDate: new Date(now),
    });
    if ((payload.exp ?? 0) - (payload.iat ?? 0) > MAX_LIFETIME_SECONDS)
      throw refused('it lives longer than a day');
    return payload;
  } catch (cause) {
    if (isFairleadError(cause)) throw cause;
    if (cause instanceof errors.JWKSTimeout)
      throw unreachable(String(options.issuer), 'no answer in time', cause);
    throw refused(problemOf(cause), cause);
  }
}

/** The provider's document says where its keys are. Error: auth/provider-unreachable. */
async function discover(issuer: string, before: Known | null): Promise<Known> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { status, bytes } = await fetchCapped(issuer, url, {});
  const described = description.safeParse(status === 200 ? parseOrNull(bytes, url) : null);
  if (!described.success || described.data.issuer !== issuer) {
    throw unreachable(issuer, `${url} does not describe it`);
  }
  const { jwks_uri } = described.data;
  // The keys that are known stay: fetching them again would be asked for by every hour, not by a change.
  const isSame = before !== null && before.description.jwks_uri === jwks_uri;
  return { description: described.data, keys: isSame ? before.keys : keysAt(issuer, jwks_uri) };
}

function keysAt(issuer: string, url: string): RemoteJWKSet {
  return createRemoteJWKSet(new URL(url), {
    timeoutDuration: TIMEOUT_MS,
    [customFetch]: async (at, options) => {
      const { status, bytes } = await fetchCapped(issuer, at, options);
      if (status !== 200) throw unreachable(issuer, `${at}: status ${status}`);
      return new Response(Buffer.from(bytes), { status });
    },
  });
}

/** What a provider sends that is no JSON is its fault, and not that of whoever signs in. */
function parseOrNull(bytes: Uint8Array, url: string): JsonValue {
  try {
    return parseJson(bytes, url, { maxBytes: MAX_BYTES, maxDepth: 16, maxNodes: 10_000 });
  } catch (error) {
    if (isFairleadError(error)) return null;
    throw error;
  }
}

/** Follows nothing: where it leads, a secret would go too. Error: auth/provider-unreachable. */
async function fetchCapped(issuer: string, url: string, options: RequestInit) {
  const { createWayOut, fetchOver } = await import('../../shared/node/way-out.ts');
  const dispatcher = createWayOut(url, process.env, { connectMs: TIMEOUT_MS });
  try {
    const signal = options.signal ?? AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetchOver(dispatcher, url, { ...options, signal, redirect: 'error' });
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      size += part.length;
      if (size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
      parts.push(part);
    }
    if (response.status >= 500) throw new Error(`status ${response.status}`);
    return { status: response.status, bytes: Buffer.concat(parts) };
  } catch (cause) {
    throw unreachable(issuer, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    // Asked once an hour and at a sign-in: nobody waits for its connections.
    void dispatcher.close().catch(() => undefined);
  }
}

function problemOf(cause: unknown): string {
  if (cause instanceof errors.JWTExpired)
    return 'it has expired, or the clocks of provider and server differ';
  if (cause instanceof errors.JWTClaimValidationFailed && cause.claim === 'iat')
    return 'it is of the future: the clocks of provider and server differ';
  if (cause instanceof errors.JWTClaimValidationFailed) return `its claim "${cause.claim}" does not fit`;
  return 'the provider did not sign it';
}

export function refused(problem: string, cause?: unknown): FairleadError {
  return new FairleadError('auth/refused', { problem }, { cause });
}

export function unreachable(issuer: string, problem: string, cause?: unknown): FairleadError {
  return new FairleadError('auth/provider-unreachable', { issuer, problem }, { cause });
}
