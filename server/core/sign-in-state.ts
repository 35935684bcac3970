// A sign-in under way: what goes to the provider and comes back is bound to one browser, and this server keeps nothing of it.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { durationMs, type EpochMs } from '../../shared/encoding/instant.ts';

/** So long a person may take at the provider. */
export const SIGN_IN_MS = durationMs('PT10M');

/** What one sign-in takes besides the browser's secret. */
export interface SignInState {
  /** RFC 6749 §10.12: who comes back is who went. */
  readonly state: string;
  /** OpenID Connect Core 1.0 §15.5.2: the ID token was made for this sign-in. */
  readonly nonce: string;
  /** RFC 7636: the code is of use to nobody else. */
  readonly verifier: string;
  /** Where to afterwards. */
  readonly wayBack: string;
}

/**
 * All of it follows from a secret that only the browser's cookie holds: a stranger can begin as many as they like without a
 * row here, and two tabs with one cookie do not disturb each other. `chance` is new for each.
 */
export function beginSignIn(secret: string, chance: string, wayBack: string, now: EpochMs): SignInState {
  const payload = Buffer.from(JSON.stringify([chance, now, wayBack])).toString('base64url');
  return stateOf(secret, payload, wayBack);
}

/** Null where another browser began it, or this one too long ago. */
export function readState(secret: string, state: string, now: EpochMs): SignInState | null {
  const [payload = ''] = state.split('.');
  // Nothing of it is looked at before it is known to be ours.
  const proven = derive(secret, 'state', payload);
  const given = Buffer.from(state);
  const expected = Buffer.from(`${payload}.${proven}`);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  const [, began, wayBack] = JSON.parse(Buffer.from(payload, 'base64url').toString()) as [
    string,
    number,
    string,
  ];
  return now - began > SIGN_IN_MS ? null : stateOf(secret, payload, wayBack);
}

/** RFC 7636 §4.2, S256. */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

function stateOf(secret: string, payload: string, wayBack: string): SignInState {
  return {
    state: `${payload}.${derive(secret, 'state', payload)}`,
    nonce: derive(secret, 'nonce', payload),
    verifier: derive(secret, 'verifier', payload),
    wayBack,
  };
}

/** 43 characters: as long as a code verifier must be. */
function derive(secret: string, what: string, payload: string): string {
  return createHmac('sha256', secret).update(`${what}:${payload}`).digest('base64url');
}

/** Only addresses of this server: a link to a sign-in must not lead away from it afterwards. Null for any other. */
export function parseWayBack(text: string | undefined, ours: string): string | null {
  if (text === undefined || text.length > MAX_WAY_BACK || !/^\/[!-~]*$/.test(text)) return null;
  // As a browser reads it: "//elsewhere" and "/\elsewhere" name another host.
  const url = URL.parse(text, ours);
  if (url === null || url.origin !== ours || url.pathname.startsWith('/auth/')) return null;
  return `${url.pathname}${url.search}${url.hash}`;
}

const MAX_WAY_BACK = 512;
