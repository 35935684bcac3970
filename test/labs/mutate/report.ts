// What a run found: every survivor as it is found, and in the end the figures of each folder.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Equivalent } from './equivalents.ts';
import type { Mutant } from './find-mutants.ts';
import type { Verdict } from './journal.ts';

const FIGURES = new URL('../../../docs/figures.md', import.meta.url);
const BEGIN = '<!-- mutants: written by scripts/mutate --write -->';
const END = '<!-- /mutants -->';
const HEAD = [
  'Folder',
  'Mutants',
  'Counted',
  'Killed',
  'of them by time',
  'Survived',
  'Share killed',
  'Not counted',
];

interface Tally {
  found: number;
  killed: number;
  timeout: number;
  survived: number;
  refused: number;
  unreached: number;
  equivalent: number;
}

export class Report {
  readonly #tallies = new Map<string, Tally>();
  readonly #say: (line: string) => void;
  readonly survivors: Mutant[] = [];
  #tried = 0;
  #left = 0;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  found(mutants: readonly Mutant[], stale: readonly Equivalent[]): void {
    for (const mutant of mutants) this.#tally(mutant).found++;
    for (const { file, line } of stale)
      this.#say(`equivalents.json: no such mutant any more in ${file}: ${line}`);
  }

  equivalent(mutant: Mutant): void {
    this.#tally(mutant).equivalent++;
  }

  add(mutant: Mutant, verdict: Verdict | null): void {
    this.#tally(mutant)[verdict?.outcome ?? 'unreached']++;
    if (++this.#tried % 50 === 0) this.#say(`… ${this.#tried} tried`);
    if (verdict?.outcome !== 'survived') return;
    this.survivors.push(mutant);
    this.#say(
      `survived ${mutant.file}:${mutant.line} (${mutant.kind}) ${mutant.change}\n         ${mutant.written}`,
    );
  }

  /** So many were chosen and not tried when the time was over; these tests fail or take too long on the untouched copy. */
  leave(count: number, useless: readonly string[]): void {
    this.#left = count;
    for (const test of useless)
      this.#say(`not asked: ${test} fails or takes too long while nothing is broken`);
  }

  /** Of the counted mutants; 1 where there are none. */
  get share(): number {
    const all = total([...this.#tallies.values()]);
    return shareOf(all);
  }

  table(): string {
    const rows = [...this.#tallies].sort(([a], [b]) => (a < b ? -1 : 1));
    const sum: [string, Tally] = ['all', total(rows.map(([, tally]) => tally))];
    const lines = [
      HEAD,
      HEAD.map(() => '---'),
      ...[...rows, sum].map(([name, tally]) => cellsOf(name, tally)),
    ];
    const left =
      this.#left === 0 ? '' : `\n\n${this.#left} chosen mutants were not tried: the time was over.`;
    return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n') + left;
  }

  /** Replaces the section of the figures that an earlier run wrote. */
  async write(command: string): Promise<void> {
    const text = await readFile(FIGURES, 'utf8').catch(() => '# Figures\n');
    const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
    const note = `Measured with \`${command}\`. Not counted: mutants that the type checker refuses, that are listed as equivalent, or that no test reaches.`;
    const section = `${BEGIN}\n## Mutants\n\n${note}\n\n${this.table()}\n\n${END}\n`;
    const before = begin === -1 ? `${text.trimEnd()}\n\n` : text.slice(0, begin);
    await writeFile(FIGURES, before + section + (end === -1 ? '' : text.slice(end + END.length + 1)));
  }

  #tally(mutant: Mutant): Tally {
    const folder = dirname(mutant.file).split('/').slice(0, 2).join('/');
    const tally = this.#tallies.get(folder) ?? emptyTally();
    this.#tallies.set(folder, tally);
    return tally;
  }
}

function emptyTally(): Tally {
  return { found: 0, killed: 0, timeout: 0, survived: 0, refused: 0, unreached: 0, equivalent: 0 };
}

function total(tallies: readonly Tally[]): Tally {
  const sum = emptyTally();
  for (const tally of tallies) {
    for (const key of Object.keys(sum) as (keyof Tally)[]) sum[key] += tally[key];
  }
  return sum;
}

function shareOf({ killed, timeout, survived }: Tally): number {
  const counted = killed + timeout + survived;
  return counted === 0 ? 1 : (killed + timeout) / counted;
}

function cellsOf(name: string, tally: Tally): readonly string[] {
  const { found, killed, timeout, survived, refused, unreached, equivalent } = tally;
  const share = killed + timeout + survived === 0 ? '–' : `${(shareOf(tally) * 100).toFixed(1)} %`;
  const reasons = Object.entries({
    'refused by types': refused,
    equivalent,
    'reached by no test': unreached,
  });
  const aside = reasons.filter(([, count]) => count > 0).map(([reason, count]) => `${count} ${reason}`);
  const counts = [found, killed + timeout + survived, killed + timeout, timeout, survived].map(String);
  return [`\`${name}\``, ...counts, share, aside.join(', ') || '–'];
}
