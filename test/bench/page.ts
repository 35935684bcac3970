// How figures are shown: a section of Markdown for each subject, on the terminal and in docs/figures.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { COMPARISON_HEAD, comparisonRow } from './comparisons.ts';
import type { Comparison, Figures } from './figures.ts';

const PAGE = join(import.meta.dirname, '../../docs/figures.md');

/** A Markdown section; columns are padded, so that it reads in a terminal too. */
export function renderFigures(
  { title, note, head = [], rows = [], comparisons = [] }: Figures,
  before: (one: Comparison) => Comparison | undefined = () => undefined,
): string {
  const tables = [
    ...(rows.length === 0 ? [] : [tableOf(head, rows)]),
    ...(comparisons.length === 0
      ? []
      : [
          tableOf(
            COMPARISON_HEAD,
            comparisons.map((one) => comparisonRow(one, before(one))),
          ),
        ]),
  ];
  return [`## ${title}`, note, ...tables].join('\n\n');
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** What was measured takes the place of what the page has of it, or comes before what laboratories wrote; the rest stays. */
export function withSections(page: string, sections: readonly string[]): string {
  const parts = page.split(/\n(?=## |<!-- )/);
  for (const section of sections) {
    const title = section.slice(0, section.indexOf('\n'));
    const at = parts.findIndex((part) => part.startsWith(`${title}\n`));
    if (at !== -1) parts[at] = `${section}\n`;
    else parts.splice(firstOfLaboratories(parts), 0, `${section}\n`);
  }
  return parts.join('\n');
}

function firstOfLaboratories(parts: readonly string[]): number {
  const at = parts.findIndex((part) => part.startsWith('<!-- '));
  return at === -1 ? parts.length : at;
}

export function writePage(sections: readonly string[]): void {
  writeFileSync(PAGE, withSections(readFileSync(PAGE, 'utf8'), sections));
}

/** Sections of a page are of different days: each says where it comes from. */
export function sectionOf(
  figures: Figures,
  { at, commit, machine: on }: { readonly at: string; readonly commit: string; readonly machine: string },
  before?: (one: Comparison) => Comparison | undefined,
): string {
  const note = `${figures.note}\n\nMeasured on ${at.slice(0, 10)} at commit \`${commit}\` on ${on}.`;
  return renderFigures({ ...figures, note }, before);
}

export function introduction(): string {
  return `# Figures\n\nMeasured with \`scripts/bench\` on ${machine()}.`;
}

export function machine(): string {
  const [{ model } = { model: 'unknown processor' }, ...others] = cpus();
  return `${others.length + 1} × ${model}, Node ${process.version}`;
}
