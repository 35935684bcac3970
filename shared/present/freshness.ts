// Until when signed data that has expired lets nothing new be installed: as the last question to the server went.
import { CATALOGUE, isErrorCode } from '../errors/catalogue.ts';
import { EXIT } from '../errors/entry.ts';
import type { Contact } from '../protocol/admin.ts';

/** The end of a sentence that begins with "nothing new is installed". `contact` is null before the first question. */
export function untilFresh(contact: Contact | null): string {
  if (contact === null) return 'until the server is reached';
  const { failure } = contact;
  if (failure === null) return 'until the vendor signs anew: the server was reached and has nothing newer';
  if (failure.code === 'trust/expired')
    return 'until the vendor signs anew: what the server has is expired too';
  if (isErrorCode(failure.code) && CATALOGUE[failure.code].exit === EXIT.untrusted) {
    return `until the server sends what can be believed (${failure.code})`;
  }
  return failure.code.startsWith('transport/')
    ? 'until the server is reached'
    : `until it can be refreshed (${failure.code})`;
}
