// One run of the bench: the subjects that were asked for, one after another, shown as they come, then written where they are wanted.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figures } from './figures.ts';
import { type BenchRun, beforeOf, keepRun, runOf } from './kept-runs.ts';
import { introduction, renderFigures, sectionOf, writePage } from './page.ts';
import { endChildren } from './processes.ts';
import { SUBJECTS, type Subject, type SubjectOptions } from './subjects.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export interface RunOptions extends SubjectOptions {
  /** In the order in which they stand in the table; all of them unless given. */
  readonly only?: readonly string[];
  /** A file, or `-` for what is printed: then nothing else is. */
  readonly json?: string;
  /** Write the page, and keep the run. */
  readonly isWritten: boolean;
}

/** What was found is written where it is wanted also when a later subject fails, or somebody stops the run. */
export async function runBench(
  { only, json, isWritten, ...options }: RunOptions,
  subjects: Readonly<Record<string, Subject>> = SUBJECTS,
): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  // Services with an account of their own find their files below it.
  chmodSync(work, 0o711);
  const print = (text: string) => (json === '-' ? console.error(text) : console.log(text));
  const found: Record<string, Figures> = {};
  const before = load();
  const end = () => {
    // Whoever is killed may still write: its directory is not empty then.
    rmSync(work, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    writeRun(runOf(found, [before, load()], new Date().toISOString()), json, isWritten);
  };
  const stop = (signal: NodeJS.Signals) => {
    endChildren();
    end();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.once(signal, stop);
  print(introduction());
  try {
    for (const [name, { measure, needsNetwork }] of Object.entries(subjects)) {
      if (only !== undefined && !only.includes(name)) continue;
      if (options.isOffline && needsNetwork === true) {
        print(`\n${name}: SKIP, it needs the network`);
        continue;
      }
      const figures = await withLoad(() => measure(work, options));
      print(`\n${renderFigures(figures, beforeOf(name))}`);
      found[name] = figures;
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    end();
  }
}

function writeRun(run: BenchRun, json: string | undefined, isWritten: boolean): void {
  if (json === '-') console.log(JSON.stringify(run, null, 2));
  else if (json !== undefined) writeFileSync(json, `${JSON.stringify(run, null, 2)}\n`);
  if (!isWritten) return;
  writePage(Object.entries(run.subjects).map(([name, figures]) => sectionOf(figures, run, beforeOf(name))));
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
