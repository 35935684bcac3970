// What an answer is before its content is looked at: refused, redirected, or not from the server at all; and called so.
import type { Dispatcher } from 'undici';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { connectionProblem, FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { isProxyRefusal } from '../../../shared/node/proxies.ts';
import { parseRetryAfter } from '../../core/pauses.ts';

type Answer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>;

/** The first value of a header; null without one. */
export function header({ headers }: Pick<Answer, 'headers'>, name: string): string | null {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

/** An answer in the server's place, by its head alone; null for all others. */
export function interceptionOf(url: string, answer: Answer): FairleadError | null {
  const coding = header(answer, 'content-encoding');
  if (answer.statusCode === 511) return intercepted(url, 'the network asks for a login first (status 511)');
  if (answer.statusCode === 407) return intercepted(url, 'the proxy asks for credentials (status 407)');
  if (coding === null || /^\s*identity\s*$/i.test(coding)) return null;
  const named = sanitizeLine(coding).slice(0, 40);
  return intercepted(url, `something on the way compresses what it passes on (content-encoding: ${named})`);
}

/** Signed files never begin as a web page does; a login page and a proxy's message do. */
export function pageInstead(url: string, answer: Answer, start: Uint8Array): FairleadError | null {
  const isCalledPage = /^text\/html\b/i.test(header(answer, 'content-type') ?? '');
  const beginsAsPage = /^\s*</.test(Buffer.from(start.subarray(0, 64)).toString('latin1'));
  return isCalledPage && beginsAsPage
    ? intercepted(
        url,
        'a web page came instead of the file: a login page of this network, or a proxy’s message',
      )
    : null;
}

export function refused(
  url: string,
  answer: Answer,
  problem = problemOf(answer),
  said: string | null = null,
): FairleadError {
  const retryAfter = parseRetryAfter(header(answer, 'retry-after') ?? '', Date.now());
  return new FairleadError('transport/refused', {
    ...{ url, status: answer.statusCode, problem },
    ...(said === null ? {} : { said }),
    ...(retryAfter === null ? {} : { retryAfterSeconds: retryAfter }),
  });
}

export function unreachable(url: string, cause: unknown): FairleadError {
  if (isFairleadError(cause)) return cause;
  if (isProxyRefusal(cause)) return new FairleadError('transport/proxy-refused', { url }, { cause });
  const problem = sanitizeLine(connectionProblem(cause));
  return new FairleadError('transport/unreachable', { url, problem }, { cause });
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Where the answer sends us; null when it does not. Error: transport/refused for what is no address. */
export function redirectOf(url: string, answer: Answer): URL | null {
  if (!REDIRECTS.includes(answer.statusCode)) return null;
  const target = URL.parse(header(answer, 'location') ?? '', url);
  if (target === null) throw refused(url, answer, 'it redirects to what is no address');
  return target;
}

function problemOf(answer: Answer): string {
  const to = REDIRECTS.includes(answer.statusCode) ? header(answer, 'location') : null;
  return to === null
    ? 'it does not serve this file now'
    : `it redirects to ${sanitizeLine(to).slice(0, 200)}`;
}

function intercepted(url: string, problem: string): FairleadError {
  return new FairleadError('transport/intercepted', { url, problem });
}
