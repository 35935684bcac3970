// The one form of request that every reader of HTTP reads alike: a GET, whole, alone and without a body, and nothing in it that changes how it is read.

export interface PlainRequest {
  /** From its first slash; no query, nothing encoded. */
  readonly path: string;
  readonly ifNoneMatch: string | undefined;
}

/** What agents and proxies send is far shorter. */
export const LONGEST_PLAIN = 4_096;

/** RFC 9112 §3.2.1: the origin form. */
const REQUEST_LINE = /^GET (\/[A-Za-z0-9_.~@+/-]{1,700}) HTTP\/1\.1\r\n/;
/** RFC 9112 §5: no space before the colon, no folded line, no bare CR or LF, and of values only what is printed in ASCII. */
const FIELD = /([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)\r\n/y;

/** Where one of these stands, readers could differ about where the request ends, what is asked for, or what becomes of the connection. */
const NOT_PLAIN = new Set([
  ...['content-length', 'transfer-encoding', 'expect', 'upgrade', 'proxy-connection', 'range'],
]);

/**
 * Null for everything else, well formed or not: whoever reads all of HTTP reads that. So two readers never take the same
 * bytes for different requests (request smuggling): what is read here ends with the bytes, and for any reader at the same place.
 */
export function parsePlainRequest(bytes: Buffer): PlainRequest | null {
  if (bytes.length > LONGEST_PLAIN) return null;
  const text = bytes.toString('latin1');
  const path = REQUEST_LINE.exec(text)?.[1];
  if (path === undefined) return null;
  let [hosts, ifNoneMatch]: [number, string | undefined] = [0, undefined];
  // After the request line: its two spaces, GET, HTTP/1.1 and CRLF.
  FIELD.lastIndex = path.length + 'GET  HTTP/1.1\r\n'.length;
  let end = FIELD.lastIndex;
  for (let field = FIELD.exec(text); field !== null; field = FIELD.exec(text)) {
    end = FIELD.lastIndex;
    const [, name = '', value = ''] = field;
    const known = name.toLowerCase();
    if (known === 'host') hosts++;
    else if (known === 'if-none-match') {
      if (ifNoneMatch !== undefined) return null;
      ifNoneMatch = value.trimEnd();
    } else if (NOT_PLAIN.has(known)) return null;
    else if (known === 'connection' && value.trimEnd().toLowerCase() !== 'keep-alive') return null;
  }
  const isWhole = end === text.length - 2 && text.endsWith('\r\n');
  return isWhole && hosts === 1 ? { path, ifNoneMatch } : null;
}
