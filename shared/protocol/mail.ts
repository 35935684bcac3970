// A mail as its bytes: plain text for people, headers that nothing in a name or a text can break (RFC 5322, 2045, 2047).
import { utf8 } from '../encoding/bytes.ts';
import type { EpochMs } from '../encoding/instant.ts';
import { cutText, sanitizeLine, sanitizeText } from '../encoding/text.ts';

export interface Mail {
  readonly from: string;
  readonly to: string;
  /** The same for each attempt: by it a receiver knows what it has had. */
  readonly id: string;
  readonly at: EpochMs;
  readonly subject: string;
  readonly text: string;
}

/** What is longer is cut. */
export const LONGEST_SUBJECT = 150;
export const LONGEST_MAIL_TEXT = 20_000;

/** `from` and `to` are addresses as shared/schema/mail.ts takes them. */
export function formatMail({ from, to, id, at, subject, text }: Mail): string {
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const headers = [
    `Date: ${new Date(at).toUTCString().replace('GMT', '+0000')}`,
    `From: Fairlead <${from}>`,
    `To: ${to}`,
    `Subject: ${encodeHeader(sanitizeLine(subject, LONGEST_SUBJECT))}`,
    `Message-ID: <${id}@${domain}>`,
    // RFC 3834: who answers by itself does not answer this.
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
  ];
  const body = cutText(sanitizeText(text), LONGEST_MAIL_TEXT).split('\n').map(encodeLine);
  return `${[...headers, '', ...body].join('\r\n')}\r\n`;
}

/** So that a line with its name stays below the 76 signs of RFC 2047 §2. */
const WORD_BYTES = 36;

/** Words of UTF-8 in base64, on lines of their own, where ASCII does not do. */
function encodeHeader(text: string): string {
  if (/^[ -~]*$/.test(text) && !text.includes('=?')) return text;
  const words: string[] = [];
  let word = '';
  for (const sign of text) {
    if (utf8(word + sign).length > WORD_BYTES) {
      words.push(word);
      word = '';
    }
    word += sign;
  }
  return [...words, word].map((one) => `=?utf-8?B?${Buffer.from(one).toString('base64')}?=`).join('\r\n ');
}

/** RFC 2045 §6.7: signs on a line, the `=` that says that it goes on among them. */
const LINE_SIGNS = 76;
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09]);

function encodeLine(line: string): string {
  const bytes = utf8(line);
  let [done, rest] = ['', ''];
  bytes.forEach((byte, at) => {
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== 0x3d;
    const isInner = SPACES.has(byte) && at < bytes.length - 1;
    const sign = isPlain || isInner ? String.fromCharCode(byte) : `=${hex(byte)}`;
    if (rest.length + sign.length >= LINE_SIGNS) {
      done += `${rest}=\r\n`;
      rest = '';
    }
    rest += sign;
  });
  return done + rest;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
