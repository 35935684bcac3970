// Cookies of people's browsers: two, which no script and no other host can read or set.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { BrowserSignIn } from '../context.ts';

/** `session` is of whoever signed in, `sign-in` of a browser that is on its way to the provider and back. */
export type CookieName = 'session' | 'sign-in';

/** As our secrets are written; what looks otherwise is none. */
const SECRET = /^[A-Za-z0-9_-]{32}$/;

/**
 * `__Host-` (RFC 6265bis §4.1.3): a browser takes it over TLS alone and for this host alone, so no neighbour under the same
 * domain can put one there. Over plain HTTP, which is served on this machine alone, no browser would take it.
 */
export function cookieName({ origin }: Pick<BrowserSignIn, 'origin'>, name: CookieName): string {
  return isSecure(origin) ? `__Host-fairlead-${name}` : `fairlead-${name}`;
}

/** Null also where there are several of that name: which of them counts would be for whoever set the other to choose. */
export function readCookie(request: FastifyRequest, browser: BrowserSignIn, name: CookieName): string | null {
  const prefix = `${cookieName(browser, name)}=`;
  const found = (request.headers.cookie ?? '').split(/; */).filter((pair) => pair.startsWith(prefix));
  const value = found[0]?.slice(prefix.length) ?? '';
  return found.length === 1 && SECRET.test(value) ? value : null;
}

/** `lastsMs` of 0 takes it away. Lax: a link from elsewhere may lead here, a form from elsewhere takes no cookie along. */
export function setCookie(
  reply: FastifyReply,
  browser: BrowserSignIn,
  name: CookieName,
  value: string,
  lastsMs: number,
): void {
  const secure = isSecure(browser.origin) ? '; Secure' : '';
  reply.header(
    'set-cookie',
    `${cookieName(browser, name)}=${value}; Path=/; Max-Age=${lastsMs / 1000}; HttpOnly; SameSite=Lax${secure}`,
  );
}

function isSecure(origin: string): boolean {
  return origin.startsWith('https:');
}
