// Sends messages as mail, one at a time, through the operator's own relay.
import { FairleadError } from '../../shared/errors/error.ts';
import { openRelay } from '../../shared/node/relay.ts';
import { mailAddressIn } from '../../shared/protocol/webhooks.ts';
import { type MailSettings, mailAddress } from '../../shared/schema/mail.ts';
import { describeMessage } from '../core/mail-text.ts';
import type { Attempt, Sending } from './webhook-door.ts';

const NO_RELAY = 'this server has no relay for mail';

/** Error: webhook/address-refused. */
export function verifyMailto(url: string, mail: MailSettings | null): void {
  const problem = problemOf(url, mail);
  if (problem !== null) throw new FairleadError('webhook/address-refused', { problem });
}

function problemOf(url: string, mail: MailSettings | null): string | null {
  if (mail === null) return NO_RELAY;
  const isOne = mailAddress.safeParse(mailAddressIn(url)).success;
  return isOne ? null : 'it is not mailto: and one address such as ops@example.com';
}

/** What was made with a relay may be read by a process without one, or one that came later. */
export function openMail(
  { name, url }: { readonly name: string; readonly url: string },
  mail: MailSettings | null,
): Sending {
  const problem = problemOf(url, mail);
  if (problem !== null || mail === null)
    return { atOnce: 1, send: async () => failed(problem ?? NO_RELAY), close: async () => undefined };
  const to = mailAddressIn(url) ?? '';
  const way = openRelay(mail.relay);
  return {
    atOnce: 1,
    send: async ({ id, body }) => {
      const began = performance.now();
      const described = describeMessage(body, name);
      if (described === null) return failed('it is no message that can be told', 'refused');
      const posted = await way.send({ from: mail.from, to, id, ...described });
      const verdict = posted.verdict === 'again' ? 'unsent' : posted.verdict;
      return { ...posted, verdict, retryAfterSeconds: null, tookMs: Math.round(performance.now() - began) };
    },
    close: async () => way.close(),
  };
}

function failed(problem: string, verdict: Attempt['verdict'] = 'unsent'): Attempt {
  return { verdict, status: null, problem, retryAfterSeconds: null, tookMs: 0 };
}
