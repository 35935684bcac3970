// The pass of this start of the agent: asked for with a signature, held in memory alone, dropped when a server refuses it.
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { isFairleadError } from '../../../shared/errors/error.ts';
import {
  CONTENT_DIGEST,
  contentDigestOf,
  PASS_LIFETIME_SECONDS,
  PASS_SCHEME,
  parseOffer,
  passSecret,
  proofOf,
  targetOf,
} from '../../../shared/protocol/pass.ts';
import type { Clock } from '../../ports/machine.ts';

/** The secret half of what is asked for, until the answer comes. */
export interface PassRequest {
  /** Goes into the signature: nobody on the way can put another in its place. */
  readonly point: string;
  readonly half: KeyObject;
}

export interface Passes {
  /** Null where there is none: then a request is signed. */
  held(): Pass | null;
  /** Null while none is wanted. */
  request(): PassRequest | null;
  /** `offer` is what the answer said, if anything. */
  take(request: PassRequest | null, offer: string | null): void;
  /** A request with it was answered. */
  proved(pass: Pass): void;
  /** Whether the pass may be why a request failed: then it is given up, and the request is to be signed. */
  isGivenUp(pass: Pass, error: unknown): boolean;
}

export interface Pass {
  /** What a request carries. */
  headers(method: string, url: string, body: Uint8Array | null): Readonly<Record<string, string>>;
}

/** A pass is given back before it ends: a request on its way does not meet the end of it. */
const MARGIN_SECONDS = 60;
/** Somebody on the way alters requests, or the server cannot open what it gives: signatures do without. */
const PAUSE_MS = PASS_LIFETIME_SECONDS * 1_000;

interface Held extends Pass {
  readonly endsAt: number;
  /** No request with it was answered yet. */
  isUntried: boolean;
}

export function createPasses(clock: Pick<Clock, 'now' | 'monotonic'>): Passes {
  let held: Held | null = null;
  let pausedUntil = Number.NEGATIVE_INFINITY;
  return {
    held: () => {
      if (held !== null && clock.monotonic() >= held.endsAt) held = null;
      return held;
    },
    request: () => {
      if (clock.monotonic() < pausedUntil) return null;
      const { publicKey, privateKey } = generateKeyPairSync('x25519');
      return { point: String(publicKey.export({ format: 'jwk' }).x), half: privateKey };
    },
    take: (request, text) => {
      const offer = text === null ? null : parseOffer(text);
      const secret = request === null || offer === null ? null : agree(request, offer.point);
      if (offer === null || secret === null) return;
      const endsAt = clock.monotonic() + (offer.seconds - MARGIN_SECONDS) * 1_000;
      const headers: Pass['headers'] = (method, url, body) => {
        const at = Math.floor(clock.now() / 1_000);
        const digest = body === null ? null : contentDigestOf(body);
        const proof = proofOf(secret, { method, target: targetOf(pathOf(url)), at, digest });
        return {
          authorization: `${PASS_SCHEME} ${offer.pass}.${at}.${proof}`,
          ...(digest === null ? {} : { [CONTENT_DIGEST]: digest }),
        };
      };
      held = { headers, endsAt, isUntried: true };
    },
    proved: (pass) => {
      if (held === pass) held.isUntried = false;
    },
    isGivenUp: (pass, error) => {
      if (!isFairleadError(error, 'transport/refused')) return false;
      const { status } = error.data;
      const isRefused = status === UNAUTHORIZED;
      // An earlier server that took this one's place counts what it does not know, and then says 429 to everybody at this address.
      if (held === pass && (isRefused || status === TOO_MANY)) {
        if (isRefused && held.isUntried) pausedUntil = clock.monotonic() + PAUSE_MS;
        held = null;
      }
      return isRefused;
    },
  };
}

const UNAUTHORIZED = 401;
const TOO_MANY = 429;

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

/** Null for a point with which everybody would agree on the same (RFC 7748 §6.1). */
function agree({ point, half }: PassRequest, x: string): Buffer | null {
  try {
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
    return passSecret(diffieHellman({ privateKey: half, publicKey }), point, x);
  } catch {
    return null;
  }
}
