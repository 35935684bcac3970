// Sign-in with access tokens of an OpenID provider (RFC 9068): its keys are fetched from it, and again when they change.
import { errors } from 'jose';
import { createRemoteJWKSet, customFetch, type RemoteJWKSet } from 'jose/jwks/remote';
import { jwtVerify } from 'jose/jwt/verify';
import { z } from 'zod';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { parseJson } from '../../shared/encoding/json.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import type { SignIn } from '../context.ts';
import { type IdentityConfig, isSafe, personOf } from '../core/identity.ts';

/** Asymmetric only: with a shared secret, whoever can verify can sign. */
const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'];
const CLOCK_TOLERANCE_SECONDS = 60;
/** A token that lives longer cannot be taken back in time. */
const MAX_LIFETIME_SECONDS = 24 * 3600;
const TIMEOUT_MS = 5_000;
/** Far above any set of keys. */
const MAX_BYTES = 256 << 10;

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url().refine(isSafe) });

export function createSignIn(config: IdentityConfig): SignIn {
  let found: Promise<RemoteJWKSet> | null = null;
  const keys = () => {
    found ??= discover(config.issuer).catch((error: unknown) => {
      // Asked again with the next token: a provider may start later than this server.
      found = null;
      throw error;
    });
    return found;
  };
  return {
    verify: async (text, now) => {
      const claims = await verify(text, await keys(), config, now);
      const person = personOf(claims, config);
      if (person === null) throw refused(`it has no claim "${config.name}"`);
      return person;
    },
  };
}

async function verify(text: string, keys: RemoteJWKSet, { issuer, audience }: IdentityConfig, now: EpochMs) {
  try {
    const { payload } = await jwtVerify(text, keys, {
      ...{ issuer, audience, algorithms: ALGORITHMS },
      currentDate: new Date(now),
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ['exp', 'iat'],
    });
    if ((payload.exp ?? 0) - (payload.iat ?? 0) > MAX_LIFETIME_SECONDS)
      throw refused('it lives longer than a day');
    return payload;
  } catch (cause) {
    if (isFairleadError(cause)) throw cause;
    if (cause instanceof errors.JWKSTimeout) throw unreachable(issuer, 'no answer in time', cause);
    throw refused(problemOf(cause), cause);
  }
}

/** The provider's document says where its keys are. Error: auth/provider-unreachable. */
async function discover(issuer: string): Promise<RemoteJWKSet> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetchCapped(issuer, url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const described = discovery.safeParse(parseOrNull(new Uint8Array(await response.arrayBuffer()), url));
  if (!described.success || described.data.issuer !== issuer) {
    throw unreachable(issuer, `${url} does not describe it`);
  }
  return createRemoteJWKSet(new URL(described.data.jwks_uri), {
    timeoutDuration: TIMEOUT_MS,
    [customFetch]: (address, options) => fetchCapped(issuer, address, options),
  });
}

/** What a provider sends that is no JSON is its fault, and not that of whoever signs in. */
function parseOrNull(bytes: Uint8Array, url: string): unknown {
  try {
    return parseJson(bytes, url, { maxBytes: MAX_BYTES, maxDepth: 16, maxNodes: 10_000 });
  } catch (error) {
    if (isFairleadError(error)) return null;
    throw error;
  }
}

/** Error: auth/provider-unreachable. */
async function fetchCapped(issuer: string, url: string, options: RequestInit): Promise<Response> {
  try {
    const response = await fetch(url, { ...options, redirect: 'error' });
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of response.body ?? []) {
      bytes += part.length;
      if (bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
      parts.push(part);
    }
    if (!response.ok) throw new Error(`status ${response.status}`);
    return new Response(Buffer.concat(parts), { status: 200 });
  } catch (cause) {
    throw unreachable(issuer, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function problemOf(cause: unknown): string {
  if (cause instanceof errors.JWTExpired)
    return 'it has expired, or the clocks of provider and server differ';
  if (cause instanceof errors.JWTClaimValidationFailed) return `its claim "${cause.claim}" does not fit`;
  return 'the provider did not sign it';
}

function refused(problem: string, cause?: unknown): FairleadError {
  return new FairleadError('auth/refused', { problem }, { cause });
}

function unreachable(issuer: string, problem: string, cause?: unknown): FairleadError {
  return new FairleadError('auth/provider-unreachable', { issuer, problem }, { cause });
}
