// Redaction: the secrets of an install taken out of text that is about to leave, in every shape in which programs print them.
import { sanitizeLine, sanitizeText } from './text.ts';

export type Redact = (text: string) => string;

const MASK = '•••';
// Shorter values stand in ordinary text by chance: hiding them would only spoil it.
const SHORTEST = 4;
/** A secret of more lines, such as a whole file of credentials, is hidden by its first ones and as a whole. */
const MOST_LINES = 500;
const LONGEST_LINE = 40_000;
/** The first and last lines of a PEM file say what it is, and are no secret. */
const ARMOUR = /^-{4,}[A-Z ]*-{4,}$/;

/** Longest first: one secret may be the beginning of another. A secret that is cut off at either end of the text is hidden too. */
export function createRedactor(secrets: Iterable<string>): Redact {
  const forms = [...new Set([...secrets].flatMap(formsOf))].sort((a, b) => b.length - a.length);
  return (text) => hideCut(forms, hideWhole(forms, text));
}

/** As it is, line by line, and as it looks in JSON, in a URL, and after sanitising. */
function formsOf(secret: string): readonly string[] {
  const lines = secret
    .split(/\r?\n/, MOST_LINES)
    .map((line) => line.trim())
    .filter((line) => !ARMOUR.test(line));
  const plain = [secret, secret.trim(), ...lines];
  const written = plain.flatMap((text) => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text.toWellFormed()),
    sanitizeText(text),
    sanitizeLine(text, LONGEST_LINE),
  ]);
  return written.filter((text) => text.length >= SHORTEST);
}

function hideWhole(forms: readonly string[], text: string): string {
  return forms.reduce((rest, form) => rest.replaceAll(form, MASK), text);
}

/** Tails begin, and cut lines end, in the middle of a word. */
function hideCut(forms: readonly string[], text: string): string {
  const body = text.trimEnd().replace(/…$/, '');
  const head = longest(forms, body.length, (form, length) => {
    const isPossible = body.charCodeAt(length - 1) === form.charCodeAt(form.length - 1);
    return isPossible && body.startsWith(form.slice(-length));
  });
  const rest = head === 0 ? body : `${MASK}${body.slice(head)}`;
  const tail = longest(forms, rest.length, (form, length) => {
    const isPossible = rest.charCodeAt(rest.length - length) === form.charCodeAt(0);
    return isPossible && rest.endsWith(form.slice(0, length));
  });
  return `${tail === 0 ? rest : `${rest.slice(0, -tail)}${MASK}`}${text.slice(body.length)}`;
}

/** One character tells most lengths apart: a long secret would else cost milliseconds for every line that passes. */
function longest(
  forms: readonly string[],
  most: number,
  fits: (form: string, length: number) => boolean,
): number {
  let found = 0;
  for (const form of forms) {
    for (let length = Math.min(form.length - 1, most); length >= Math.max(SHORTEST, found + 1); length--) {
      if (fits(form, length)) found = length;
    }
  }
  return found;
}

/** The same value with every text in it redacted; names of fields stay. */
export function redactStrings<Value>(value: Value, redact: Redact): Value {
  return mapStrings(value, redact) as Value;
}

function mapStrings(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item, redact)]));
}

export interface Secrets {
  /** Of several lines, if it likes. */
  learn(secret: string): void;
  readonly redact: Redact;
}

/** A value that was changed is still in the log of whoever started with it, so the last of them are kept. */
const MOST = 1000;

export function createSecrets(): Secrets {
  const known = new Set<string>();
  let redact: Redact = (text) => text;
  return {
    learn(secret) {
      if (known.has(secret)) return;
      known.add(secret);
      const [oldest] = known;
      if (known.size > MOST && oldest !== undefined) known.delete(oldest);
      redact = createRedactor(known);
    },
    redact: (text) => redact(text),
  };
}
