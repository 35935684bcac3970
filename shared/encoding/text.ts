// Text from outside, made harmless and cut to size before it reaches a store, a terminal or a log.

// C0 and C1 controls, lines' and paragraphs' separators, and the format characters that reorder or hide what is read.
const UNSAFE = /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]--[\t\n]]/gv;
const REPLACEMENT = '\ufffd';

/** Keeps tabs and line breaks, replaces every other control or reordering character with U+FFFD. */
export function sanitizeText(text: string): string {
  return text.toWellFormed().replace(/\r\n/g, '\n').replace(UNSAFE, REPLACEMENT);
}

/** The same on one line, cut to `max` UTF-16 units, as lengths in schemas count. */
export function sanitizeLine(text: string, max = 200): string {
  // Cleaning a megabyte to keep a line of it would be work that whoever wrote it sizes.
  const start = cutText(text, max * 4);
  return cutText(sanitizeText(start).replace(/[\t\n]+/g, ' '), max);
}

/** At most `max` UTF-16 units with an ellipsis where something is missing; never half of a surrogate pair, which no strict reader takes. */
export function cutText(text: string, max: number): string {
  return text.length <= max ? text : `${startOf(text, max - 1)}…`;
}

/**
 * One line of JSON as a logger writes it, with every string in it harmless: escapes are looked at as what they stand for,
 * because whoever reads the log decodes them on a terminal. Its line breaks stay, escaped as they are.
 */
export function sanitizeJsonLine(line: string): string {
  const body = line.replace(/\n$/, '').replace(ESCAPE, (written, digits: string | undefined) => {
    if (digits === undefined) return DROPPED.has(written) ? ' ' : written;
    const unit = String.fromCharCode(Number.parseInt(digits, 16));
    return unit.isWellFormed() && unit.replace(UNSAFE, '') === unit ? written : REPLACEMENT;
  });
  return `${sanitizeText(body).replace(/\n/g, ' ')}\n`;
}

/**
 * JSON for whoever asks on a terminal, where C1 controls and reordering characters would act: they stand as escapes, and
 * whoever parses it reads every character as it was.
 */
export function safeJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, (character) =>
    character.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** Backspace, form feed and carriage return have escapes of their own. */
const DROPPED: ReadonlySet<string> = new Set(['\\b', '\\f', '\\r']);
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|.)/g;

function startOf(text: string, units: number): string {
  const start = text.slice(0, units);
  return isHighSurrogate(start.charCodeAt(start.length - 1)) ? start.slice(0, -1) : start;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  /** A `${` that nothing closes. */
  | { readonly kind: 'unclosed'; readonly text: string };

const TOKEN = /\$\$\{|\$\{([^}]*)(\}?)/g;

/** The parts in order; one pass, so that what a variable stands for is never looked at again. */
export function parseTemplate(text: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [token, name, close] = match;
    if (match.index > at) parts.push({ kind: 'text', text: text.slice(at, match.index) });
    at = match.index + token.length;
    if (name === undefined) parts.push({ kind: 'text', text: '${' });
    else if (close === '}') parts.push({ kind: 'variable', name });
    else parts.push({ kind: 'unclosed', text: token });
  }
  if (at < text.length) parts.push({ kind: 'text', text: text.slice(at) });
  return parts;
}
