// The two forms of request that every reader of HTTP reads alike: a GET without a body, a POST with all of a short one, whole and alone, and nothing in either that changes how it is read.

export type PlainRequest = PlainGet | PlainPost;

export interface PlainGet {
  readonly method: 'GET';
  /** From its first slash; no query, nothing encoded. */
  readonly path: string;
  readonly ifNoneMatch: string | undefined;
}

/** Of JSON. */
export interface PlainPost {
  readonly method: 'POST';
  readonly path: string;
  readonly authorization: string | undefined;
  readonly contentDigest: string | undefined;
  readonly body: Buffer;
}

/** What agents and proxies send before a body is far shorter. */
export const LONGEST_PLAIN = 4_096;
/** An agent's usual report has a few kilobytes. */
export const LONGEST_PLAIN_BODY = 16 * 1024;

/** RFC 9112 §3.2.1: the origin form. */
const REQUEST_LINE = /^(GET|POST) (\/[A-Za-z0-9_.~@+/-]{1,700}) HTTP\/1\.1\r\n/;
/** RFC 9112 §5: no space before the colon, no folded line, no bare CR or LF, and of values only what is printed in ASCII. */
const FIELD = /([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)\r\n/y;
const EMPTY_LINE = '\r\n\r\n';

/** Where one of these stands, readers could differ about where the request ends, what is asked for, or what becomes of the connection. */
const NOT_PLAIN = new Set(['transfer-encoding', 'expect', 'upgrade', 'proxy-connection', 'range']);
/** Readers differ about which of two counts. */
const ONCE = ['host', 'if-none-match', 'content-length', 'content-type', 'authorization', 'content-digest'];

/**
 * Null for everything else, well formed or not: whoever reads all of HTTP reads that. So two readers never take the same
 * bytes for different requests (request smuggling): what is read here ends with the bytes, and for any reader at the same place.
 */
export function parsePlainRequest(bytes: Buffer): PlainRequest | null {
  const end = bytes.indexOf(EMPTY_LINE) + EMPTY_LINE.length;
  if (end < EMPTY_LINE.length || end > LONGEST_PLAIN) return null;
  const head = bytes.toString('latin1', 0, end);
  const [line = '', method, path] = REQUEST_LINE.exec(head) ?? [];
  const fields = path === undefined ? null : fieldsIn(head, line.length);
  if (path === undefined || fields?.get('host') === undefined) return null;
  const length = fields.get('content-length');
  if (method === 'GET') {
    const isWhole = length === undefined && end === bytes.length;
    return isWhole ? { method, path, ifNoneMatch: fields.get('if-none-match') } : null;
  }
  const body = bytes.subarray(end);
  // Of the ways to write a number one, and never a number beside which something else could say where the body ends.
  if (length !== String(body.length) || body.length === 0 || body.length > LONGEST_PLAIN_BODY) return null;
  if (fields.get('content-type') !== 'application/json') return null;
  const [authorization, contentDigest] = [fields.get('authorization'), fields.get('content-digest')];
  return { method: 'POST', path, authorization, contentDigest, body };
}

/** Those that stand there once at most; null where anything says more, or is written otherwise. */
function fieldsIn(head: string, from: number): ReadonlyMap<string, string> | null {
  const fields = new Map<string, string>();
  FIELD.lastIndex = from;
  let end = from;
  for (let field = FIELD.exec(head); field !== null; field = FIELD.exec(head)) {
    end = FIELD.lastIndex;
    const [, name = '', text = ''] = field;
    const [known, value] = [name.toLowerCase(), text.trimEnd()];
    if (NOT_PLAIN.has(known) || (fields.has(known) && ONCE.includes(known))) return null;
    if (known === 'connection' && value.toLowerCase() !== 'keep-alive') return null;
    fields.set(known, value);
  }
  return end === head.length - '\r\n'.length ? fields : null;
}
