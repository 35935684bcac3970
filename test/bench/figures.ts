// Figures and how they are shown: one table per subject, ours beside the others, medians of several runs.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

export interface Figures {
  readonly title: string;
  /** What was measured and how, in a sentence or two. */
  readonly note: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A Markdown section; columns are padded, so that it reads in a terminal too. */
export function renderFigures({ title, note, head, rows }: Figures): string {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [`## ${title}`, '', note, '', line(head), rule, ...rows.map(line)].join('\n');
}

/** One subject takes the place of what the page has of it; all of them make the page anew. */
export function writeFigures(sections: readonly string[], isAll: boolean): void {
  const path = join(import.meta.dirname, '../../docs/figures.md');
  const page = readFileSync(path, 'utf8');
  if (isAll) {
    // What the fault laboratory found stands behind its own marker.
    const [faults = ''] = /\n<!-- faults[\s\S]*$/.exec(page) ?? [];
    writeFileSync(path, `${[introduction(), ...sections].join('\n\n')}\n${faults}`);
    return;
  }
  const [section = ''] = sections;
  const title = section.slice(0, section.indexOf('\n'));
  const parts = page.split(/\n(?=## |<!-- )/);
  const at = parts.findIndex((part) => part.startsWith(`${title}\n`));
  if (at === -1) throw new Error(`docs/figures.md has no section "${title}"`);
  writeFileSync(path, parts.with(at, `${section}\n`).join('\n'));
}

export function introduction(): string {
  const [{ model } = { model: 'unknown processor' }, ...others] = cpus();
  const on = `${others.length + 1} × ${model}, Node ${process.version}`;
  return `# Figures\n\nMeasured in one run of \`scripts/bench\` on ${on}.`;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Wall-clock milliseconds of one run. */
export async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

export function formatMs(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function formatMb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
