// One JSON request to the release server: bounded in time and bytes, never redirected.
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { parseJson } from '../../../shared/encoding/json.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { errorReply } from '../../../shared/protocol/problem.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { header, interceptionOf, pageInstead, redirectOf, refused, unreachable } from './answers.ts';
import { type Answer as Asked, ask, type Line } from './ask.ts';
import type { HttpClient } from './http-client.ts';

const TIMEOUT_MS = 30_000;
const MAX_REPLY_BYTES = 64 * 1024;

/** `token` travels as a bearer token. Errors: transport/*. */
export async function postJson<Schema extends z.ZodType>(
  http: Pick<HttpClient, 'connect'>,
  url: string,
  body: unknown,
  reply: Schema,
  token?: string,
): Promise<z.output<Schema>> {
  return (await askJson(http, { method: 'POST', url, body, token }, reply)).value;
}

export interface JsonRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly body?: unknown;
  readonly token?: string | undefined;
  /** What it carries in place of a token: proof of the very bytes that are sent. */
  readonly prove?: (method: string, url: string, body: Uint8Array | null) => Readonly<Record<string, string>>;
}

export interface JsonAnswer<Value> {
  readonly value: Value;
  /** The first value of a header; null without one. */
  header(name: string): string | null;
}

/** The same with what its headers say. Errors: transport/*. */
export async function askJson<Schema extends z.ZodType>(
  http: Pick<HttpClient, 'connect'>,
  request: JsonRequest,
  reply: Schema,
): Promise<JsonAnswer<z.output<Schema>>> {
  const { url } = request;
  const answer = await exchange(await http.connect(url), request);
  const { statusCode: status, bytes } = answer;
  if (status < 200 || status > 299) {
    const { message, code } = wordsIn(bytes);
    throw refused(url, answer, message, code);
  }
  try {
    const value = parseDocumentBytes(reply, bytes, `the answer of ${url}`);
    return { value, header: (name) => header(answer, name) };
  } catch (cause) {
    throw refused(url, answer, isFairleadError(cause) ? cause.message : 'its answer cannot be read');
  }
}

type Answer = Omit<Asked, 'body'> & { readonly bytes: Uint8Array };

async function exchange(line: Line, request: JsonRequest): Promise<Answer> {
  const { method, url, token, prove } = request;
  const { origin, pathname, search } = new URL(url);
  const body = request.body === undefined ? null : utf8(JSON.stringify(request.body));
  try {
    const answer = await ask(line, {
      ...{ origin, path: pathname + search, method },
      ...(body === null ? {} : { body }),
      headers: {
        ...(body === null ? {} : { 'content-type': 'application/json' }),
        'accept-encoding': 'identity',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...prove?.(method, url, body),
      },
      // Of the whole exchange, whatever it answers: also of what drips, and of answers that are only announced (1xx).
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const bytes = await readCapped(url, answer.body);
    const interception = interceptionOf(url, answer) ?? pageInstead(url, answer, bytes);
    if (interception !== null) throw interception;
    // Refused, not followed: what goes along is for this server alone.
    if (redirectOf(url, answer) !== null) throw refused(url, answer);
    return { statusCode: answer.statusCode, headers: answer.headers, bytes };
  } catch (cause) {
    const isTimeout = cause instanceof Error && cause.name === 'TimeoutError';
    throw unreachable(url, isTimeout ? new Error(`no answer within ${TIMEOUT_MS / 1000} seconds`) : cause);
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

/** The server's own sentence and code where it sent them; its text is never trusted to be harmless. */
function wordsIn(body: Uint8Array): { readonly message: string; readonly code: string | null } {
  const said = errorReply.shape.error.partial();
  try {
    const { error } = z.looseObject({ error: said }).parse(parseJson(body, 'the answer'));
    const { message = SILENT, code = '' } = error;
    return { message: sanitizeLine(message), code: /^[a-z-]{1,40}\/[a-z-]{1,60}$/.test(code) ? code : null };
  } catch {
    // Not JSON: a proxy's page says nothing an operator could use.
    return { message: SILENT, code: null };
  }
}

const SILENT = 'no reason given';
