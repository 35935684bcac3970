// Text from the network, made harmless before it reaches a terminal or a log.

// C0 and C1 controls, and the bidirectional and invisible format characters that reorder or hide what is read.
const UNSAFE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Keeps tabs and line breaks, replaces every other control or reordering character with U+FFFD. */
export function sanitizeText(text: string): string {
  return text.toWellFormed().replace(UNSAFE, '\ufffd');
}

/** The same on one line, cut to `max` characters. */
export function sanitizeLine(text: string, max = 200): string {
  const line = sanitizeText(text).replace(/[\t\n]+/g, ' ');
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
}
