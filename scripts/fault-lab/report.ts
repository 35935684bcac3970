// The laboratory's report: one row for each suite, on the terminal and in the documentation.
import { readFile, writeFile } from 'node:fs/promises';
import type { SuiteResult } from './suite.ts';
import type { Suite } from './suites.ts';

const FIGURES = new URL('../../docs/figures.md', import.meta.url);
const BEGIN = '<!-- faults: written by scripts/faults --write -->';
const END = '<!-- /faults -->';
const HEAD = ['Suite', 'What happens', 'Cases', 'How they ended', 'Broken promises', 'Seconds'];
const MOST_SHOWN = 20;

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
    this.#rows.push(cells.map(String));
  }

  skip({ name, what }: Suite, missing: string): void {
    this.#rows.push([name, what, '–', `not run: ${missing}`, '–', '–']);
  }

  table(): string {
    const all = [HEAD, ...this.#rows];
    const widths = HEAD.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
    const line = (row: readonly string[]) =>
      `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
    const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
    return [line(HEAD), rule, ...this.#rows.map(line)].join('\n');
  }

  /** Replaces the section between the markers, or adds it at the end. */
  async write(): Promise<void> {
    const text = await readFile(FIGURES, 'utf8').catch(() => '# Figures\n');
    const section = `${BEGIN}\n## Faults\n\n${this.#note()}\n\n${this.table()}\n${END}`;
    const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
    const next =
      begin === -1 || end === -1
        ? `${text.trimEnd()}\n\n${section}\n`
        : text.slice(0, begin) + section + text.slice(end + END.length);
    await writeFile(FIGURES, next);
  }

  #note(): string {
    return [
      `Measured with \`scripts/faults ${process.argv.slice(2).join(' ')}\` (seed ${this.#seed}). After every case the agent`,
      'recovers; then record, `current`, trees, services, audit log and trust must tell one story, everything acknowledged',
      'before must still be there, a second recovery must change nothing, and the next deployment must commit.',
    ].join('\n');
  }
}
