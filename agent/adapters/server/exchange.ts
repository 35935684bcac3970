// One exchange: a request for a file, redirects followed, watched from the first byte asked to the last one read.
import { FairleadError } from '../../../shared/errors/error.ts';
import { interceptionOf, pageInstead, redirectOf, refused, unreachable } from './answers.ts';
import { type Answer, ask, readWhole } from './ask.ts';
import { type Dispatchers, isReachableFrom } from './dispatchers.ts';
import { type ExchangeLimits, type Watch, watchExchange } from './watch.ts';

/** Object stores and mirrors send agents on; one that goes on and on keeps them busy. */
const MAX_REDIRECTS = 5;

export interface ExchangeOptions {
  readonly dispatchers: Dispatchers;
  readonly limits: ExchangeLimits;
  readonly signal?: AbortSignal | undefined;
}

export interface Exchange {
  readonly answer: Answer;
  /** The pieces of the body until it ends, or grows over its cap. Errors: transport/*. */
  body(maxBytes: number): AsyncGenerator<Uint8Array>;
  /** All of it. Errors: transport/*. */
  whole(maxBytes: number): Promise<Uint8Array>;
}

/**
 * `use` may leave the body unread: it is then cut, not waited for. Errors: transport/*.
 *
 * A redirect is followed within its scheme, to other hosts too, and carries nothing that could be kept from them: a
 * credential is for the configured server alone. It never leads to loopback, link-local or private addresses, unless the configured
 * server is there itself.
 */
export async function exchange<Result>(
  url: string,
  headers: Readonly<Record<string, string>>,
  { dispatchers, limits, signal }: ExchangeOptions,
  use: (exchange: Exchange) => Promise<Result>,
): Promise<Result> {
  const watch = watchExchange(url, limits, signal);
  try {
    const answer = await follow(url, headers, dispatchers, watch);
    try {
      const body = (maxBytes: number) => capped(url, answer, maxBytes, watch);
      const whole = (maxBytes: number) => {
        watch.whole(maxBytes);
        return readWhole(body(maxBytes));
      };
      return await use({ answer, body, whole });
    } finally {
      // Whatever became of it: a body that nobody reads would hold its connection for as long as the server likes.
      watch.discarding();
      // Drained where that is short, for its connection to be used again; cut where it is not.
      await answer.body.dump(DISCARDED_BYTES);
    }
  } catch (cause) {
    throw unreachable(url, cause);
  } finally {
    watch.end();
  }
}

const DISCARDED_BYTES = 16 * 1024;

async function follow(
  url: string,
  headers: Readonly<Record<string, string>>,
  dispatchers: Dispatchers,
  watch: Watch,
): Promise<Answer> {
  const server = new URL(url);
  let at = server;
  for (let redirects = 0; ; redirects++) {
    const line = await (redirects === 0 ? dispatchers.direct(url) : dispatchers.guarded(server, at));
    const answer = await ask(line, {
      ...{ origin: at.origin, path: at.pathname + at.search, method: 'GET', signal: watch.signal },
      // A body that is compressed on the way would neither have the signed length nor resume.
      headers: { 'accept-encoding': 'identity', ...(redirects === 0 ? headers : withoutCredential(headers)) },
    });
    const problem = interceptionOf(at.href, answer);
    if (problem !== null) throw abandon(answer, problem);
    const next = redirectOf(at.href, answer);
    if (next === null) {
      watch.answered();
      return answer;
    }
    abandon(answer, undefined);
    if (redirects === MAX_REDIRECTS) throw refused(url, answer, `more than ${MAX_REDIRECTS} redirects`);
    await requireAllowed(server, at, next, answer);
    at = next;
  }
}

function withoutCredential({
  authorization: _,
  ...others
}: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return others;
}

async function requireAllowed(server: URL, from: URL, to: URL, answer: Answer): Promise<void> {
  if (to.protocol !== from.protocol) {
    throw refused(from.href, answer, `it redirects to ${to.protocol}//${to.host}, which is another scheme`);
  }
  if (await isReachableFrom(server, to)) return;
  throw refused(from.href, answer, `it redirects to ${to.host}, which is inside this network`);
}

function abandon<Cause>(answer: Answer, cause: Cause): Cause {
  answer.body.cut();
  return cause;
}

async function* capped(
  url: string,
  answer: Answer,
  maxBytes: number,
  watch: Watch,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of piecesOf(url, answer.body)) {
    const page = size === 0 ? pageInstead(url, answer, chunk) : null;
    if (page !== null) throw page;
    size += chunk.length;
    watch.received(chunk.length);
    if (size > maxBytes) throw new FairleadError('transport/too-large', { url, limit: maxBytes });
    yield chunk;
  }
}

/** A connection that breaks is the network's fault wherever its bytes were going. */
async function* piecesOf(url: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw unreachable(url, cause);
  }
}
