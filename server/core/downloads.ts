// Who may download what: files that only enrolled agents get, and addresses that prove for some minutes that one was let in.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { EpochMs } from '../../shared/encoding/instant.ts';

/** Metadata is always public: TUF clients ask for it before they are anybody. */
export const REPOSITORY_ACCESS = ['public', 'enrolled', 'enrolled-documents'] as const;
export type RepositoryAccess = (typeof REPOSITORY_ACCESS)[number];

export interface Downloads {
  readonly access: RepositoryAccess;
  /** Shared with whoever checks signed addresses; null where none are made. */
  readonly key: string | null;
  /** Where agents that were let in are sent, with a slash at its end; null where this server gives the bytes itself. */
  readonly url: string | null;
}

export const PUBLIC_DOWNLOADS: Downloads = { access: 'public', key: null, url: null };

/** By the path below the repository. */
export function isRestricted({ access }: Downloads, path: string): boolean {
  if (access === 'public') return false;
  return path.startsWith('packs/') || (access === 'enrolled-documents' && path.startsWith('targets/'));
}

/** A download that began in time goes on; its parts are asked for under the same address for so long. */
export const ADDRESS_LIFETIME_SECONDS = 300;

/**
 * `path` is what the checker sees: decoded, with the slash before it. Two proofs of one text: `signature` is the HMAC-SHA256
 * of it, for whoever can compute one; `md5` is what nginx's own module secure_link checks, of the same text and the key.
 */
export function signAddress(key: string, path: string, now: EpochMs): URLSearchParams {
  const expires = String(Math.floor(now / 1000) + ADDRESS_LIFETIME_SECONDS);
  const md5 = createHash('md5').update(`${expires}${path} ${key}`).digest('base64url');
  return new URLSearchParams({ expires, signature: hmacOf(key, path, expires), md5 });
}

export interface ShownAddress {
  readonly expires: string;
  readonly signature: string;
}

/** By the stronger of the two proofs alone. */
export function isSigned(
  key: string,
  path: string,
  { expires, signature }: ShownAddress,
  now: EpochMs,
): boolean {
  if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1000 <= now) return false;
  const [ours, theirs] = [Buffer.from(hmacOf(key, path, expires)), Buffer.from(signature)];
  return ours.length === theirs.length && timingSafeEqual(ours, theirs);
}

function hmacOf(key: string, path: string, expires: string): string {
  return createHmac('sha256', key).update(`${expires}${path}`).digest('base64url');
}
