// The laboratory's report: one row for each suite, on the terminal and in the documentation.
import { type Section, tableOf, writeRows } from '../figures.ts';
import type { SuiteResult } from './suite.ts';
import type { Suite } from './suites.ts';

const MOST_SHOWN = 100;
const SECTION: Section = {
  name: 'faults',
  writtenBy: 'scripts/faults --write',
  text: [
    '## Faults',
    '',
    'Measured with `scripts/faults OPTIONS SUITE`. After every case the agent recovers; then record, `current`, trees,',
    'services, routes, answers, audit log, policy and trust must tell one story, everything acknowledged before must still be',
    'there, a second recovery must change nothing, the next deployment must commit, and nothing unfinished may be left.',
  ].join('\n'),
  head: ['Suite', 'What happens', 'Cases', 'How they ended', 'Broken promises', 'Seconds', 'Options'],
};

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
    return tableOf(SECTION.head, this.#rows);
  }

  async write(): Promise<void> {
    await writeRows(SECTION, this.#rows);
  }
}
