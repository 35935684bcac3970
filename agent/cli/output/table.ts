// Columns aligned for reading.

/** The first row is the heading. Cells are cut at nothing: a terminal wraps, a pipe keeps everything. */
export function formatTable(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function indent(lines: readonly string[], by = 2): readonly string[] {
  return lines.map((line) => (line === '' ? line : ' '.repeat(by) + line));
}
