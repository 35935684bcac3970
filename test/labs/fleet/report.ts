// The simulator's report: one row for each scenario and size, on the terminal and in the documentation.
import { type Section, tableOf, writeRows } from '../figures.ts';
import type { Result } from './laboratory.ts';
import { describeSpan } from './outcome.ts';
import type { Scenario } from './scenarios.ts';

const SECTION: Section = {
  name: 'fleet',
  writtenBy: 'scripts/fleet-sim --write',
  text: [
    '## Rollouts over a simulated fleet',
    '',
    'Measured with `scripts/fleet-sim`; `test/labs/fleet/README.md` says what is the product’s own and what is simulated. Times count from',
    'the moment at which the release or the order is out. Nobody touches an install by hand; *persons* counts those that would need it.',
  ].join('\n'),
  head: [
    ...['Scenario', 'What happens', 'Took it', 'Halted after', 'Last took it after', 'Harmed', 'Healed'],
    ...['All healed after', 'Persons', 'Reached in time', 'Goals', 'Seconds', 'Options'],
  ],
};

export class Report {
  readonly #rows: string[][] = [];
  missed = 0;

  add({ name, what, goals }: Scenario, { outcome, missed }: Result, seed: number, ms: number): void {
    this.missed += missed.length;
    const { installs, took, haltedMs, lastTookMs, harmed, healed, allHealedMs, persons, reached } = outcome;
    const kept = goals.length - missed.length;
    this.#rows.push([
      ...[`${name}, ${installs}`, what, String(took), describeSpan(haltedMs), describeSpan(lastTookMs)],
      ...[String(harmed), String(healed), describeSpan(allHealedMs), String(persons)],
      reached === null ? '–' : `${(100 * reached).toFixed(1)} %`,
      missed.length === 0 ? `${kept} kept` : `missed: ${missed.join(', ')}`,
      ...[(ms / 1000).toFixed(0), `--count ${installs} --seed ${seed}`],
    ]);
  }

  table(): string {
    return tableOf(SECTION.head, this.#rows);
  }

  async write(): Promise<void> {
    await writeRows(SECTION, this.#rows);
  }
}
