// A laboratory's table in docs/figures.md: between its own marks, and row by row, so that what was not run stays as it was measured.
import { readFile, writeFile } from 'node:fs/promises';

export interface Section {
  /** Between `<!-- faults: written by scripts/faults --write -->` and `<!-- /faults -->`. */
  readonly name: string;
  readonly writtenBy: string;
  /** Everything above the table. */
  readonly text: string;
  readonly head: readonly string[];
}

const FIGURES = new URL('../../docs/figures.md', import.meta.url);

/** Replaces the rows of the same name, which is the first cell; those of others stay. */
export async function writeRows(section: Section, rows: readonly (readonly string[])[]): Promise<void> {
  const [opening, closing] = [
    `<!-- ${section.name}: written by ${section.writtenBy} -->`,
    `<!-- /${section.name} -->`,
  ];
  const text = await readFile(FIGURES, 'utf8').catch(() => '# Figures\n');
  const [begin, end] = [text.indexOf(opening), text.indexOf(closing)];
  const isThere = begin !== -1 && end !== -1;
  const before = isThere ? rowsIn(text.slice(begin, end)) : [];
  const table = tableOf(section.head, merged(before, rows));
  const [head, tail] = isThere
    ? [text.slice(0, begin), text.slice(end)]
    : [`${text.trimEnd()}\n\n`, `${closing}\n`];
  await writeFile(FIGURES, `${head}${opening}\n${section.text}\n\n${table}\n\n${tail}`);
}

/** In Markdown, with columns that stand below one another. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

function rowsIn(section: string): string[][] {
  const lines = section.split('\n').filter((line) => line.startsWith('| '));
  return lines.slice(1).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

function merged(
  before: readonly (readonly string[])[],
  now: readonly (readonly string[])[],
): readonly (readonly string[])[] {
  const byName = new Map([...before, ...now].map((row) => [row[0], row]));
  return [...byName.values()];
}
