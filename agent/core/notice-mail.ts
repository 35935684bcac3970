// Who of an install is told by mail, and what such a mail says.
import { z } from 'zod';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { count } from '../../shared/errors/entry.ts';
import { LONGEST_MAIL_TEXT } from '../../shared/protocol/mail.ts';
import { mailAddress, relayUrl } from '../../shared/schema/mail.ts';
import { SECRET } from '../../shared/schema/parse-document.ts';
import type { NoticesFile, NoticesTold } from './notices.ts';

/**
 * Whole, with the password: readable by its owner alone. A file of its own, beside that of the other notices: an agent of an
 * earlier version, which knows no mail, goes on reading that one.
 */
export const mailFile = z
  .strictObject({
    schema: z.literal('fairlead/mail@1'),
    to: mailAddress,
    from: mailAddress,
    smtp: relayUrl,
    /** Absent where the relay asks nobody who it is. */
    login: z
      .strictObject({ user: z.string().min(1).max(300), password: z.string().min(1).max(4_000) })
      .optional(),
  })
  .meta({ [SECRET]: true });
export type MailFile = z.output<typeof mailFile>;

/** Everybody who is told, out of both files. */
export type NoticesConfig = NoticesFile & { readonly mail?: MailFile };

/** Of each notice: what it is, since when, and line breaks. */
const BESIDE_A_TEXT = 60;

/** What a webhook gets, for people to read. */
export function describeAsMail({ instance, verdict, notices }: NoticesTold) {
  const name = sanitizeLine(instance.name, 80);
  const of = (kind: string) => notices.filter((one) => one.kind === kind).length;
  const counted = [
    ...(of('alarm') > 0 ? [count(of('alarm'), 'alarm')] : []),
    ...(of('request') > 0 ? [count(of('request'), 'request')] : []),
  ];
  const foot = ['-- ', `Told by the agent of Fairlead on ${name} (${instance.id}). Verdict: ${verdict}.`];
  // All that is counted as told stands there, and whose it is.
  const room = LONGEST_MAIL_TEXT - foot.join('\n').length;
  const longest = Math.min(1_000, Math.floor(room / notices.length) - BESIDE_A_TEXT);
  const lines = notices.flatMap(({ kind, text, since }) => [
    `${kind}: ${sanitizeLine(text, longest)}`,
    `    since ${since}`,
    '',
  ]);
  return {
    subject: `[Fairlead] ${name}: ${counted.join(', ') || 'test'}`,
    text: [...lines, ...foot].join('\n'),
  };
}
