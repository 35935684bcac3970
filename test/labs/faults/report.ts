// The laboratory's report: one row for each suite, on the terminal and in the documentation.
import { readFile, writeFile } from 'node:fs/promises';
import type { SuiteResult } from './suite.ts';
import type { Suite } from './suites.ts';

const FIGURES = new URL('../../../docs/figures.md', import.meta.url);
const BEGIN = '<!-- faults: written by scripts/faults --write -->';
const END = '<!-- /faults -->';
const HEAD = ['Suite', 'What happens', 'Cases', 'How they ended', 'Broken promises', 'Seconds', 'Options'];
const MOST_SHOWN = 100;
const NOTE = [
  'Measured with `scripts/faults OPTIONS SUITE`. After every case the agent recovers; then record, `current`, trees,',
  'services, routes, answers, audit log, policy and trust must tell one story, everything acknowledged before must still be',
  'there, a second recovery must change nothing, the next deployment must commit, and nothing unfinished may be left.',
].join('\n');

export class Report {
  readonly #seed: number;
  readonly #rows: string[][] = [];
  problems = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  add({ name, what }: Suite, { tried, ends, problems }: SuiteResult, ms: number): void {
    this.problems += problems.length;
    for (const problem of problems.slice(0, MOST_SHOWN)) console.error(`${name}: ${problem}`);
    if (problems.length > MOST_SHOWN) console.error(`${name}: and ${problems.length - MOST_SHOWN} more`);
    const ended = Object.entries(ends)
      .sort(([, a], [, b]) => b - a)
      .map(([end, count]) => `${count} ${end}`);
    const cells = [name, what, tried, ended.join(', '), problems.length, (ms / 1000).toFixed(0)];
    this.#rows.push([...cells.map(String), `--count ${tried} --seed ${this.#seed}`]);
  }

  skip({ name, what }: Suite, missing: string): void {
    this.#rows.push([name, what, '–', `not run: ${missing}`, '–', '–', '–']);
  }

  table(): string {
    return tableOf(this.#rows);
  }

  /** Replaces the rows of the suites that ran; those of others stay as they were measured. */
  async write(): Promise<void> {
    const text = await readFile(FIGURES, 'utf8').catch(() => '# Figures\n');
    const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
    const isThere = begin !== -1 && end !== -1;
    const before = isThere ? rowsIn(text.slice(begin, end)) : [];
    const section = `${BEGIN}\n## Faults\n\n${NOTE}\n\n${tableOf(merged(before, this.#rows))}\n\n`;
    const [head, tail] = isThere
      ? [text.slice(0, begin), text.slice(end)]
      : [`${text.trimEnd()}\n\n`, `${END}\n`];
    await writeFile(FIGURES, head + section + tail);
  }
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(HEAD), rule, ...rows.map(line)].join('\n');
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

function merged(before: string[][], now: string[][]): string[][] {
  const byName = new Map([...before, ...now].map((row) => [row[0], row]));
  return [...byName.values()];
}
