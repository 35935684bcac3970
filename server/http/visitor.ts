// Who sits before a browser: whoever signed in with it, as long as a page of ours has it ask.
import type { FastifyRequest } from 'fastify';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import type { BrowserSignIn, Context, SignIn } from '../context.ts';
import type { Person } from '../core/identity.ts';
import { findSession } from '../db/sessions.ts';
import type { Database } from '../db/tables.ts';
import { readCookie } from './cookies.ts';

/** What a browser sent along. */
export interface Visit {
  readonly browser: BrowserSignIn;
  /** Of its cookie. */
  readonly secret: string;
  readonly isOurs: boolean;
  /** Nobody does anything: a page is open. */
  readonly isWaiting?: boolean;
}

/** Null for whoever has no cookie of ours. */
export function visitOf(request: FastifyRequest, signIn: SignIn | null): Visit | null {
  const browser = signIn?.browser ?? null;
  if (browser === null) return null;
  const secret = readCookie(request, browser, 'session');
  if (secret === null) return null;
  const { method, headers } = request;
  const one = (name: string) => headers[name]?.toString();
  const provenance = {
    ...{ method, origin: headers.origin, site: one('sec-fetch-site') },
    ...{ mode: one('sec-fetch-mode'), destination: one('sec-fetch-dest') },
  };
  return { browser, secret, isOurs: isOfOurPages(provenance, browser.origin) };
}

/** With the roles that the configuration of now gives. Errors: auth/cross-site, auth/session-over. */
export async function findVisitor(
  db: Database,
  { browser, secret, isOurs, isWaiting = false }: Visit,
  now: EpochMs,
): Promise<Person> {
  if (!isOurs) throw new FairleadError('auth/cross-site', { ours: browser.origin });
  const identity = await findSession(db, secret, browser.issuer, now, !isWaiting);
  if (identity === null) throw new FairleadError('auth/session-over', {});
  return browser.personOf(identity);
}

/** For a page that anybody may see: null where nobody is signed in. */
export async function greet({ db, signIn, now }: Context, request: FastifyRequest): Promise<Person | null> {
  const visit = visitOf(request, signIn);
  if (visit === null) return null;
  try {
    return await findVisitor(db, visit, now());
  } catch (error) {
    if (isFairleadError(error, 'auth/cross-site', 'auth/session-over')) return null;
    throw error;
  }
}

/** What browsers say of where a request comes from, and no page can change (Fetch Metadata Request Headers, RFC 6454). */
interface Provenance {
  readonly method: string;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site, Sec-Fetch-Mode and Sec-Fetch-Dest. */
  readonly site: string | undefined;
  readonly mode: string | undefined;
  readonly destination: string | undefined;
}

/**
 * Cookies go along with whatever any page has a browser send (CSRF). What reads may come from a page of ours, from what a
 * person typed, or from a link that they followed, whose answer the other site cannot read. What writes must come from a
 * page of ours, and the browser must say so. A neighbour under the same domain is another site.
 */
export function isOfOurPages({ method, origin, site, mode, destination }: Provenance, ours: string): boolean {
  if (origin !== undefined && origin !== ours) return false;
  if (site === 'same-origin') return true;
  const reads = method === 'GET' || method === 'HEAD';
  if (!reads) return site === undefined && origin === ours;
  return site === undefined || site === 'none' || (mode === 'navigate' && destination === 'document');
}
