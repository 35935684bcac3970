// Columns aligned for reading.
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

export function indent(lines: readonly string[], by = 2): readonly string[] {
  return lines.map((line) => (line === '' ? line : ' '.repeat(by) + line));
}
