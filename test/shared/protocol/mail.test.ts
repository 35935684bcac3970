// A mail's bytes: whatever stands in subject and text, it has the same headers, lines that every relay takes, and reads as it was written.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sanitizeLine, sanitizeText } from '../../../shared/encoding/text.ts';
import { formatMail, LONGEST_MAIL_TEXT, LONGEST_SUBJECT } from '../../../shared/protocol/mail.ts';
import { readMail } from '../../support/mail-relay.ts';

const MAIL = { from: 'fairlead@vendor.example', to: 'ops@example.com', id: 'msg_1', at: 0 };
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc
    .array(
      fc.constantFrom(
        '\r',
        '\n',
        '.',
        '=',
        ' ',
        '\t',
        '=?utf-8?Q?x?=',
        'ü',
        '🙂',
        '\u202e',
        '\0',
        'a'.repeat(80),
      ),
      {
        maxLength: 60,
      },
    )
    .map((parts) => parts.join('')),
);

it('is a whole one, whatever it says', () => {
  fc.assert(
    fc.property(hostile, hostile, (subject, text) => {
      const raw = formatMail({ ...MAIL, subject, text });
      const { headers, text: read } = readMail(raw);

      expect([...headers.keys()]).toEqual([
        ...['date', 'from', 'to', 'subject', 'message-id', 'auto-submitted', 'mime-version'],
        ...['content-type', 'content-transfer-encoding'],
      ]);
      expect(headers.get('subject')).toBe(sanitizeLine(subject, LONGEST_SUBJECT));
      expect(read).toBe(`${sanitizeText(text)}\n`);
      for (const line of raw.split('\r\n')) expect(line).toMatch(/^[ -~\t]*$/);
      const [head = '', ...body] = raw.split('\r\n\r\n');
      for (const line of head.split('\r\n')) expect(line.length).toBeLessThanOrEqual(LONGEST_SUBJECT + 10);
      for (const line of body.join('\r\n\r\n').split('\r\n')) expect(line.length).toBeLessThanOrEqual(76);
    }),
  );
});

it('says when it was written, as RFC 5322 has it', () => {
  const raw = formatMail({ ...MAIL, at: Date.parse('2026-11-29T04:05:06Z'), subject: 'a', text: 'b' });

  expect(readMail(raw).headers.get('date')).toBe('Sun, 29 Nov 2026 04:05:06 +0000');
});

it('is cut where it would be too long', () => {
  const raw = formatMail({ ...MAIL, subject: 'x'.repeat(1_000_000), text: 'ü'.repeat(1_000_000) });
  const { headers, text } = readMail(raw);

  expect(headers.get('subject')).toHaveLength(LONGEST_SUBJECT);
  expect(text).toHaveLength(LONGEST_MAIL_TEXT + 1);
});
