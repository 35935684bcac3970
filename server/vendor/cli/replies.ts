// What a release server answers: read up to a bound, taken as a document, waited for where it is busy, or told in its own words.
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { type JsonValue, parseJson } from '../../../shared/encoding/json.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { errorReply } from '../../../shared/protocol/problem.ts';

export interface Reply {
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

const MAX_REPLY_BYTES = 64 * 2 ** 20;
const REPLY_LIMITS = { maxBytes: MAX_REPLY_BYTES, maxDepth: 32, maxNodes: 4_000_000 };
export async function readCapped(body: AsyncIterable<Uint8Array>, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_REPLY_BYTES) {
      throw new FairleadError('transport/too-large', { url, limit: MAX_REPLY_BYTES });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The reply itself when it is one of success, else the server's own words as an error. */
export function succeeded(reply: Reply): Reply {
  if (reply.status >= 200 && reply.status < 300) return reply;
  const { url, status } = reply;
  const said = readRefusal(reply) ?? (status === 401 || status === 403 ? TOKEN_REFUSED : SILENT);
  const problem = `${said.message} (${said.code})`;
  throw new FairleadError('vendor/server-refused', { url, status, problem, remedy: said.hint });
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** The answer to HEAD has no body that could say more. */
const TOKEN_REFUSED: Refusal = {
  code: 'auth/refused',
  message: 'the token is not accepted here',
  hint: 'check which token the file named by --token-file holds: it takes one of the role publisher',
};
const SILENT: Refusal = {
  code: 'server/failed',
  message: 'no reason given',
  hint: 'see the log of the release server for this request',
};

function readRefusal(reply: Reply): Refusal | null {
  try {
    const parsed = errorReply.safeParse(parseReply(reply));
    if (!parsed.success) return null;
    const { code, message, hint } = parsed.data.error;
    return {
      code: sanitizeLine(code, 80),
      message: sanitizeLine(message, 2000),
      hint: sanitizeLine(hint, 500),
    };
  } catch {
    return null;
  }
}

export function parseReply(reply: Reply): JsonValue {
  return parseJson(reply.body.length === 0 ? utf8('null') : reply.body, reply.url, REPLY_LIMITS);
}

/** Once for a limit by the minute, and a second time for who else waited for it. */
const MOST_WAITS = 3;
/** What asks for longer is told to a person at once. */
const LONGEST_SECONDS = 90;

export interface Asked {
  readonly method: string;
  /** Named by the caller, so that a repetition has no second effect. */
  readonly hasKey: boolean;
  /** A stream is read once. */
  readonly isStream: boolean;
}

/** In seconds; null where the refusal stands. `waits` were made for it before. */
export function waitBefore(
  { method, hasKey, isStream }: Asked,
  { status, retryAfter }: { readonly status: number; readonly retryAfter: unknown },
  waits: number,
): number | null {
  if (status !== 429 && status !== 503) return null;
  if (isStream || !(hasKey || method === 'GET' || method === 'HEAD')) return null;
  const seconds = /^\d{1,6}$/.test(String(retryAfter)) ? Number(retryAfter) : null;
  if (seconds === null || seconds > LONGEST_SECONDS || waits >= MOST_WAITS) return null;
  return seconds;
}
