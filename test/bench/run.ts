// One run of the bench: the subjects that were asked for, one after another, shown as they come, then written where they are wanted.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figures } from './figures.ts';
import { beforeOf, keepRun, runOf } from './kept-runs.ts';
import { introduction, renderFigures, writePage } from './page.ts';
import { SUBJECTS, type SubjectOptions } from './subjects.ts';

export interface RunOptions extends SubjectOptions {
  /** In the order in which they stand in the table; all of them unless given. */
  readonly only?: readonly string[];
  /** A file, or `-` for what is printed: then nothing else is. */
  readonly json?: string;
  /** Write the page, and keep the run. */
  readonly isWritten: boolean;
}

export async function runBench({ only, json, isWritten, ...options }: RunOptions): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  // Services with an account of their own find their files below it.
  chmodSync(work, 0o711);
  const print = (text: string) => (json === '-' ? console.error(text) : console.log(text));
  const found: Record<string, Figures> = {};
  const sections: string[] = [];
  const before = load();
  print(introduction());
  try {
    for (const [name, { measure, needsNetwork }] of Object.entries(SUBJECTS)) {
      if (only !== undefined && !only.includes(name)) continue;
      if (options.isOffline && needsNetwork === true) {
        print(`\n${name}: SKIP, it needs the network`);
        continue;
      }
      const figures = await withLoad(() => measure(work, options));
      const text = renderFigures(figures, beforeOf(name));
      print(`\n${text}`);
      found[name] = figures;
      sections.push(text);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const run = runOf(found, [before, load()], new Date().toISOString());
  if (json === '-') console.log(JSON.stringify(run, null, 2));
  else if (json !== undefined) writeFileSync(json, `${JSON.stringify(run, null, 2)}\n`);
  if (!isWritten) return;
  writePage(sections);
  keepRun(run);
}

/** Whoever reads a ratio sees what else the machine did. */
async function withLoad(measure: () => Promise<Figures>): Promise<Figures> {
  const before = load();
  const figures = await measure();
  if (figures.comparisons === undefined) return figures;
  const note = `${figures.note} Load of the machine before and after: ${before}, ${load()}.`;
  return { ...figures, note };
}

function load(): number {
  return Number((loadavg()[0] ?? 0).toFixed(1));
}
