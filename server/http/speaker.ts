// Who of the agents speaks: shown by a signature of the install's own key, or by a pass that one such signature was given.
import {
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { decodeJwt, errors, importJWK, jwtVerify } from 'jose';
import type { z } from 'zod';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import {
  contentDigestOf,
  formatOffer,
  PASS_LIFETIME_SECONDS,
  passSecret,
  proofOf,
} from '../../shared/protocol/pass.ts';
import { AGENT_TOKEN, agentClaims } from '../../shared/protocol/report.ts';
import { NONCE_BYTES, sealPass } from '../core/seal.ts';
import { findInstanceKey } from '../db/instances.ts';
import type { PassKeys } from '../db/pass-keys.ts';
import { verifySpeaker, verifyStanding } from '../db/standing.ts';
import type { Database } from '../db/tables.ts';

export interface Speaker {
  readonly instance: string;
  /** The start of the agent that speaks; null for one that does not say. */
  readonly boot: string | null;
  /** The key that it was held against: what acts on the instance's row finds this one there still. */
  readonly key: string;
}

/** What an agent shows. */
export type ShownAgent =
  | { readonly kind: 'signature'; readonly token: string }
  | { readonly kind: 'pass'; readonly pass: string; readonly at: number; readonly proof: string };

/** What a proof has to fit. */
export interface Asked {
  readonly method: string;
  readonly target: string;
  /** The header Content-Digest: that the body is of it is for whoever reads the body. */
  readonly digest: string | null;
}

/** The agents' clocks are not ours to set; a signature lives so short that this much leeway costs nothing. */
const CLOCK_TOLERANCE_SECONDS = 60;

export interface Signed {
  readonly speaker: Speaker;
  /** The agent's half of the secret of a pass that it asks for; null where it asks for none. */
  readonly asks: string | null;
}

/** Answers the instance that signed the token. Errors: auth/refused, instance/isolated, instance/retired. */
export async function verifySignature(db: Database, token: string, now: EpochMs): Promise<Signed> {
  const { iss: instance, boot, pass } = readClaims(token);
  const known = await findInstanceKey(db, instance);
  if (known === null) throw refused('no instance of this server issued it');
  try {
    const { payload } = await jwtVerify(
      token,
      await importJWK({ kty: 'OKP', crv: 'Ed25519', x: known.public_key }, 'EdDSA'),
      {
        algorithms: ['EdDSA'],
        issuer: instance,
        audience: AGENT_TOKEN.audience,
        currentDate: new Date(now),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        maxTokenAge: AGENT_TOKEN.lifetimeSeconds,
        requiredClaims: ['exp'],
      },
    );
    if ((payload.exp ?? 0) - (payload.iat ?? 0) > AGENT_TOKEN.lifetimeSeconds) {
      throw refused('it would live too long');
    }
    // Asked of the database for each request, so that it holds at once in every process; told to the key's holder alone.
    verifyStanding(known);
    return { speaker: { instance, boot: boot ?? null, key: known.public_key }, asks: pass ?? null };
  } catch (cause) {
    if (cause instanceof FairleadError) throw cause;
    throw refused(problemOf(cause), cause);
  }
}

/** Nothing of what it answers is verified yet, but it is of the type that claims have: anything may stand in a token. */
function readClaims(text: string): z.output<typeof agentClaims> {
  let claims: unknown;
  try {
    claims = decodeJwt(text);
  } catch (cause) {
    throw refused('it is not an agent token', cause);
  }
  const parsed = agentClaims.safeParse(claims);
  if (!parsed.success) throw refused('no instance of this server issued it');
  return parsed.data;
}

function problemOf(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return 'it has expired, or the clocks of agent and server differ';
  if (cause instanceof errors.JWTClaimValidationFailed) return `its claim "${cause.claim}" does not fit`;
  return 'its signature is not the instance’s';
}

function refused(problem: string, cause?: unknown): FairleadError {
  return new FairleadError('auth/refused', { problem }, { cause });
}

/** The secret travels on neither way: each side makes it of its own half and the other's point (X25519). */
export async function offerPass(
  keys: PassKeys,
  { speaker, asks }: { readonly speaker: Speaker; readonly asks: string },
  now: EpochMs,
): Promise<string | null> {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const point = String(publicKey.export({ format: 'jwk' }).x);
  const agreed = agree(privateKey, asks);
  if (agreed === null) return null;
  const content = {
    ...speaker,
    ends: Math.floor(now / 1000) + PASS_LIFETIME_SECONDS,
    secret: passSecret(agreed, asks, point).toString('base64url'),
  };
  const pass = sealPass(content, await keys.current(), randomBytes(NONCE_BYTES));
  return formatOffer({ pass, point, seconds: PASS_LIFETIME_SECONDS });
}

/** Null for a point with which everybody would agree on the same (RFC 7748 §6.1). */
function agree(privateKey: Parameters<typeof diffieHellman>[0]['privateKey'], x: string): Buffer | null {
  try {
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
    return diffieHellman({ privateKey, publicKey });
  } catch {
    return null;
  }
}

/**
 * Answers whose pass it is, from memory: that the instance is let in, and has this key still, is to be looked at
 * yet. Errors: auth/refused, auth/pass-over.
 */
export async function verifyPass(
  keys: PassKeys,
  { pass, at, proof }: ShownAgent & { readonly kind: 'pass' },
  asked: Asked,
  now: EpochMs,
): Promise<Speaker> {
  const opened = await keys.open(pass);
  if (opened === 'over') throw new FairleadError('auth/pass-over', {});
  if (opened === 'foreign') throw refused('it is no pass of this server');
  const { secret, ends, ...speaker } = opened;
  const expected = Buffer.from(proofOf(secret, { ...asked, at }));
  const shown = Buffer.from(proof);
  if (expected.length !== shown.length || !timingSafeEqual(expected, shown)) {
    throw refused('its proof does not fit the request');
  }
  const seconds = now / 1000;
  // What is repeated later than a signature could be is worth nothing either.
  const isOld = seconds - at > AGENT_TOKEN.lifetimeSeconds + CLOCK_TOLERANCE_SECONDS;
  if (isOld || at - seconds > CLOCK_TOLERANCE_SECONDS) {
    throw refused('it has expired, or the clocks of agent and server differ');
  }
  if (seconds >= ends) throw new FairleadError('auth/pass-over', {});
  return speaker;
}

/** For whoever acts on nothing of the instance's row. Errors: auth/refused, instance/isolated, instance/retired. */
export async function verifyLetIn(db: Database, { instance, key }: Speaker): Promise<void> {
  verifySpeaker(await findInstanceKey(db, instance), key);
}

/** A proof speaks for the body by its digest alone. Error: auth/refused. */
export function verifyBody(digest: string | null, body: Uint8Array): void {
  if (digest !== contentDigestOf(body)) throw refused('its proof is of another body');
}
