// How values are written in a unit file, so that systemd reads back exactly what was meant.

/**
 * A word of systemd.syntax(7) in quotes: `"`, `\` and control characters as C escapes, `%` doubled. `$` stays: the
 * `:` before the command turns expansion off.
 */
export function quote(word: string): string {
  const escaped = word.replace(/["\\\u0001-\u001f\u007f]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(2, '0');
    return character === '"' || character === '\\' ? `\\${character}` : `\\x${code}`;
  });
  return `"${escapeSpecifiers(escaped)}"`;
}

/** `%` would begin a specifier. */
export function escapeSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}

/** Paths stand unquoted in some settings and may not end the line; in a program's path systemd refuses quotes as well. */
export function isPlainPath(path: string): boolean {
  return !/["'\\\p{Cc}]|\s$/u.test(path);
}
