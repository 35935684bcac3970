// One JSON request to the release server: bounded in time and bytes, never redirected.
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { parseJson } from '../../../shared/encoding/json.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { parseRetryAfter } from '../../core/retry-after.ts';
import type { HttpClient } from './http-client.ts';

const TIMEOUT_MS = 30_000;
const MAX_REPLY_BYTES = 64 * 1024;

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: Uint8Array;
}

/** `token` travels as a bearer token. Errors: transport/*. */
export async function postJson<Schema extends z.ZodType>(
  http: Pick<HttpClient, 'connect'>,
  url: string,
  body: unknown,
  reply: Schema,
  token?: string,
): Promise<z.output<Schema>> {
  const answer = await exchange(await http.connect(), url, utf8(JSON.stringify(body)), token);
  if (answer.status < 200 || answer.status > 299) throw refusal(url, answer);
  try {
    return parseDocumentBytes(reply, answer.body, `the answer of ${url}`);
  } catch (cause) {
    const problem = isFairleadError(cause) ? cause.message : 'its answer cannot be read';
    throw new FairleadError('transport/refused', { url, status: answer.status, problem }, { cause });
  }
}

async function exchange(
  dispatcher: Dispatcher,
  url: string,
  body: Uint8Array,
  token: string | undefined,
): Promise<Answer> {
  const { origin, pathname } = new URL(url);
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    const answer = await dispatcher.request({
      origin,
      path: pathname,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const retryAfter = answer.headers['retry-after'];
    return {
      status: answer.statusCode,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      body: await readCapped(url, answer.body),
    };
  } catch (cause) {
    if (isFairleadError(cause)) throw cause;
    throw new FairleadError('transport/unreachable', { url, problem: problemOf(cause) }, { cause });
  }
}

async function readCapped(url: string, body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_REPLY_BYTES)
      throw new FairleadError('transport/too-large', { url, limit: MAX_REPLY_BYTES });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refusal(url: string, answer: Answer): FairleadError {
  const seconds = answer.retryAfter === undefined ? null : parseRetryAfter(answer.retryAfter, Date.now());
  return new FairleadError('transport/refused', {
    url,
    status: answer.status,
    problem: messageOf(answer.body),
    ...(seconds === null ? {} : { retryAfterSeconds: seconds }),
  });
}

/** The server's own sentence where it sent one; its text is never trusted to be harmless. */
function messageOf(body: Uint8Array): string {
  try {
    const value = parseJson(body, 'the answer') as { readonly error?: { readonly message?: unknown } } | null;
    const message = value?.error?.message;
    if (typeof message === 'string') return sanitizeLine(message);
  } catch {
    // Not JSON: a proxy's page says nothing an operator could use.
  }
  return 'no reason given';
}

function problemOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'the connection failed';
  if (cause.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} seconds`;
  return 'code' in cause ? String(cause.code) : cause.message;
}
