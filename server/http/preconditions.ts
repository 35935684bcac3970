// What a request asks of the state it meets: If-Match on updates (RFC 9110), and Idempotency-Key on what may come twice.
import type { FastifyRequest } from 'fastify';
import { canonicalize } from '../../shared/encoding/canonical.ts';
import type { JsonValue } from '../../shared/encoding/json.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { type Mark, makeMark } from '../db/once.ts';
import { credentialOf } from './access.ts';

/** Strong: two states of one thing never have the same. */
export function formatTag(revision: number): string {
  return `"${revision}"`;
}

/** Without it the second of two people would undo what the first did, unseen. Error: request/not-tagged. */
export function requireTag({ headers }: FastifyRequest): void {
  if (headers['if-match'] === undefined) throw new FairleadError('request/not-tagged', {});
}

/** Strong comparison, as RFC 9110 §13.1.1 has it: a weak tag matches nothing. Error: request/outdated. */
export function verifyTag({ headers }: FastifyRequest, revision: number): void {
  const wanted = headers['if-match'];
  if (wanted === undefined || wanted.trim() === '*') return;
  const tags = wanted.split(',').map((tag) => tag.trim());
  if (!tags.includes(formatTag(revision))) throw new FairleadError('request/outdated', {});
}

export const LONGEST_KEY = 255;
const KEY = new RegExp(`^[!-~]{1,${LONGEST_KEY}}$`);

/** Of the credential that asks: another's key is another one. Error: request/invalid for what is no key. */
export function markOf(request: FastifyRequest): Mark | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !KEY.test(key)) {
    const problem = `an Idempotency-Key has 1 to ${LONGEST_KEY} visible ASCII characters`;
    throw new FairleadError('request/invalid', { problem });
  }
  const { caller, method, url, body } = request;
  const who = credentialOf(caller);
  // The same request in other white space, or with its keys in another order, is the same.
  const asked = Buffer.from(canonicalize((body ?? null) as JsonValue)).toString('utf8');
  return makeMark(who, `${method} ${url}`, key, asked);
}
