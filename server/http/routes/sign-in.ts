// People with a browser: to the identity provider, back from it, and out again.
import type { FastifyReply } from 'fastify';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { whoReply } from '../../../shared/protocol/fleet.ts';
import type { BrowserSignIn, SignIn } from '../../context.ts';
import { beginSignIn, parseWayBack, readState, SIGN_IN_MS } from '../../core/sign-in-state.ts';
import { beginSession, endSession } from '../../db/sessions.ts';
import { makeSecret } from '../../db/token-lists.ts';
import { html } from '../../web/html.ts';
import { readCookie, setCookie } from '../cookies.ts';
import { defineRoute, type Page, type Route } from '../route.ts';
import { sendPage } from '../send-page.ts';
import { CALLBACK } from '../sign-in.ts';
import { visitOf } from '../visitor.ts';

/** Of one address: a person needs one, a whole office behind one address some more. */
export const STEPS_PER_MINUTE = 60;
/** Addresses of these routes hold codes: no line of the log may. */
const OF_PEOPLE = { access: 'public', perMinute: STEPS_PER_MINUTE, quiet: true } as const;

/** `to` says where on this server they go afterwards. */
const begin: Page = {
  ...OF_PEOPLE,
  method: 'GET',
  path: '/auth/sign-in',
  respond: asPage(async ({ signIn, now }, request, reply) => {
    const browser = browserOf(signIn);
    const { to } = request.query as { readonly to?: unknown };
    const wayBack = parseWayBack(typeof to === 'string' ? to : undefined, browser.origin) ?? '/';
    // The one it has goes on: a second tab must not end the sign-in of the first.
    const secret = readCookie(request, browser, 'sign-in') ?? makeSecret();
    const address = await browser.begin(beginSignIn(secret, makeSecret(), wayBack, now()), now());
    setCookie(reply, browser, 'sign-in', secret, SIGN_IN_MS);
    return go(reply, address);
  }),
};

const comeBack: Page = {
  ...OF_PEOPLE,
  method: 'GET',
  path: CALLBACK,
  respond: asPage(async ({ db, signIn, now }, request, reply) => {
    const browser = browserOf(signIn);
    const { state } = request.query as { readonly state?: unknown };
    const mine = readCookie(request, browser, 'sign-in');
    const begun = mine === null || typeof state !== 'string' ? null : readState(mine, state, now());
    if (begun === null) {
      const problem = 'it was begun in another browser, or more than ten minutes ago';
      throw new FairleadError('auth/sign-in-refused', { problem });
    }
    const identity = await browser.complete(request.query, begun, now());
    const { issuer, lastsMs } = browser;
    const [secret, before] = [makeSecret(), readCookie(request, browser, 'session')];
    await beginSession(db, { secret, issuer, identity, lastsMs, before }, now());
    setCookie(reply, browser, 'session', secret, lastsMs);
    return go(reply, begun.wayBack);
  }),
};

/** On every process of the server. */
const end: Page = {
  ...OF_PEOPLE,
  method: 'POST',
  path: '/auth/sign-out',
  raw: 'form',
  repeats: 'by-nature',
  respond: asPage(async ({ db, signIn, now }, request, reply) => {
    const browser = browserOf(signIn);
    const visit = visitOf(request, signIn);
    if (visit?.isOurs === false) throw new FairleadError('auth/cross-site', { ours: browser.origin });
    if (visit !== null) await endSession(db, visit.secret, now());
    setCookie(reply, browser, 'session', '', 0);
    const elsewhere = await browser.signOutAddress(now());
    const also = html`<p>The identity provider may still know you: <a href="${elsewhere ?? ''}">sign out there, too</a>.</p>`;
    return sendPage(
      reply,
      200,
      'Signed out',
      html`<p>You are signed out of this server.</p>
${elsewhere === null ? '' : also}
<p><a href="/auth/sign-in">Sign in</a></p>`,
    );
  }),
};

const who = defineRoute({
  method: 'GET',
  path: '/api/v1/session',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'operations',
  summary: 'Whose credential this is, and which roles it holds',
  reply: whoReply,
  example: { reply: { kind: 'token', name: 'admin', roles: ['admin'] } },
  answer: async (_context, { caller }) => {
    if (caller.kind === 'person') {
      const { name, roles } = caller.person;
      return { kind: 'person' as const, name, roles: [...roles] };
    }
    if (caller.kind !== 'token') throw new Error('the route lets tokens and people in');
    return { kind: 'token' as const, name: caller.token.name, roles: [caller.token.role] };
  },
});

export const SIGN_IN_PAGES: readonly Page[] = [begin, comeBack, end];
export const SIGN_IN_ROUTES: readonly Route[] = [who];

/** Error: auth/no-browser-sign-in. */
function browserOf(signIn: SignIn | null): BrowserSignIn {
  if (signIn?.browser) return signIn.browser;
  throw new FairleadError('auth/no-browser-sign-in', {});
}

function go(reply: FastifyReply, address: string): FastifyReply {
  const headers = { location: address, 'cache-control': 'no-store', 'referrer-policy': 'same-origin' };
  return reply.status(303).headers(headers).send();
}

const TOLD = [
  'auth/no-browser-sign-in',
  'auth/sign-in-refused',
  'auth/no-role',
  'auth/cross-site',
  'auth/provider-unreachable',
] as const;

/** Whoever sits before the browser is told, and not shown what programs read. */
function asPage(respond: Route['respond']): Route['respond'] {
  return async (context, request, reply) => {
    try {
      return await respond(context, request, reply);
    } catch (error) {
      if (!isFairleadError(error, ...TOLD)) throw error;
      const { code, message, hint, http } = error;
      request.log[http >= 500 ? 'error' : 'info']({ code, err: error }, 'sign-in refused');
      return sendPage(
        reply,
        http,
        'Not signed in',
        html`<p>${message}.</p>
<p class="quiet">${hint}</p>
<p><a href="/auth/sign-in">Sign in</a> · <a href="/">Fairlead release server</a></p>`,
      );
    }
  };
}
