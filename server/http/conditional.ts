// Conditional and partial requests (RFC 9110 §13, §14): what of a file has to be sent.

/** From `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

interface Conditions {
  readonly range?: string | undefined;
  readonly 'if-range'?: string | readonly string[] | undefined;
}

/** RFC 9110 §13.1.2: whoever has one of these has what we would send. */
export function isUnchanged(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch === etag || ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

/** One range; null means the whole file, which is also the answer to several ranges and to what is no range. */
export function parseRange(
  headers: Conditions,
  etag: string,
  size: number,
): ByteRange | 'unsatisfiable' | null {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? '') ?? [];
  if (from === '' && to === '') return null;
  // RFC 9110 §13.1.5: a part of another file than the one begun would be worse than the whole.
  const ifRange = headers['if-range'];
  if (ifRange !== undefined && ifRange !== etag) return null;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size : Math.min(size, Number(to) + 1);
  if (to !== '' && from !== '' && Number(to) < start) return null;
  return start < end ? { start, end } : 'unsatisfiable';
}
