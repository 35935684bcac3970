// How text stands for reading: columns, the same for a spreadsheet, emphasis on a terminal.
import { sanitizeLine } from '../encoding/text.ts';

/** More than any name or reason; what is longer is shown in full elsewhere. */
const LONGEST_CELL = 500;

/**
 * The first row is the heading. A cell is one line whatever it holds: text that came over the network makes no row of its
 * own and moves no cursor.
 */
export function formatTable(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map((cell) => sanitizeLine(cell, LONGEST_CELL)));
  const widths: number[] = [];
  for (const row of cells) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/**
 * Comma-separated values (RFC 4180). A cell that begins like a formula gets an apostrophe before it: programs that open such files run formulas, and names and
 * versions come from other machines. Numbers, also negative ones, stay.
 */
export function formatCsv(rows: readonly (readonly string[])[]): readonly string[] {
  return rows.map((row) => row.map(formatCell).join(','));
}

const NUMBER = /^-?\d+(?:\.\d+)?$/;

function formatCell(text: string): string {
  const isFormula = /^[=+\-@\t\r]/.test(text) && !NUMBER.test(text);
  const safe = isFormula ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function indent(lines: readonly string[], by = 2): readonly string[] {
  return lines.map((line) => (line === '' ? line : ' '.repeat(by) + line));
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
}

const CODES = { bold: [1, 22], dim: [2, 22], good: [32, 39], warn: [33, 39], bad: [31, 39] } as const;

export function createStyle(color: boolean): Style {
  const wrap = (name: keyof typeof CODES) => {
    const [on, off] = CODES[name];
    return (text: string) => (color ? `\u001b[${on}m${text}\u001b[${off}m` : text);
  };
  return { bold: wrap('bold'), dim: wrap('dim'), good: wrap('good'), warn: wrap('warn'), bad: wrap('bad') };
}

/** NO_COLOR (no-color.org): any non-empty value turns colour off. */
export function wantsColor(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  return isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}
