// A run of the laboratory: chooses mutants by its seed, judges them with some workers, and stops when its time is over.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Baselines } from './baselines.ts';
import { isEquivalent, readEquivalents, staleAmong } from './equivalents.ts';
import { applyEdit, findMutants, type Mutant } from './find-mutants.ts';
import { readImportGraph, sourcesIn } from './import-graph.ts';
import { Journal, type Verdict } from './journal.ts';
import { Judge } from './judge.ts';
import type { Report } from './report.ts';
import { isSource } from './syntax.ts';

export interface CampaignOptions {
  readonly checkout: string;
  /** Folders and files whose code is mutated. */
  readonly targets: readonly string[];
  readonly seed: string;
  readonly count: number;
  readonly seconds: number;
  readonly workers: number;
  readonly nearest: number;
  readonly journal: string;
  readonly signal: AbortSignal;
}

export const PROGRAM_FOLDERS = ['shared', 'agent', 'server', 'test', 'scripts'];

export async function runCampaign(options: CampaignOptions, report: Report): Promise<void> {
  const graph = readImportGraph(options.checkout, PROGRAM_FOLDERS);
  const everything = PROGRAM_FOLDERS.filter((folder) => existsSync(join(options.checkout, folder))).flatMap(
    (folder) => sourcesIn(options.checkout, folder),
  );
  const journal = new Journal(options.journal, options.checkout, everything);
  const queue = chooseMutants(options, report);
  const baselines = new Baselines(`${options.journal}.baselines`, options.checkout);
  const until = performance.now() + options.seconds * 1000;
  const next = () => (performance.now() < until && !options.signal.aborted ? queue.shift() : undefined);
  const work = async () => {
    const judge = new Judge({ checkout: options.checkout, graph, baselines, nearest: options.nearest });
    try {
      for (let mutant = next(); mutant !== undefined; mutant = next()) {
        report.add(mutant, await verdictOn(mutant, judge, journal));
      }
    } finally {
      judge.close();
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
  report.leave(queue.length);
}

async function verdictOn(mutant: Mutant, judge: Judge, journal: Journal): Promise<Verdict | null> {
  const known = journal.find(mutant.id, mutant.file);
  if (known !== null) return known;
  const verdict = await judge.judge(mutant);
  if (verdict !== null) journal.add(mutant.id, mutant.file, verdict);
  return verdict;
}

/** The seed orders all mutants by a digest, so that it chooses the same ones however the code around them grows. */
function chooseMutants({ checkout, targets, seed, count }: CampaignOptions, report: Report): Mutant[] {
  const files = targets.flatMap((target) => filesOf(checkout, target));
  const texts = new Map(files.map((file) => [file, readFileSync(join(checkout, file), 'utf8')]));
  const mutants = [...texts].flatMap(([file, text]) => findMutants(file, text));
  const equivalents = readEquivalents();
  report.found(mutants, staleAmong(equivalents, mutants));
  const chosen: Mutant[] = [];
  for (const mutant of mutants.toSorted(by((one) => orderOf(seed, one.id)))) {
    if (chosen.length === count) break;
    if (isEquivalent(mutant, equivalents)) report.equivalent(mutant);
    else if (isSource(applyEdit(texts.get(mutant.file) ?? '', mutant))) chosen.push(mutant);
  }
  // One file after the other keeps what its tests loaded warm.
  return chosen.sort(by((one) => one.file));
}

function filesOf(checkout: string, target: string): readonly string[] {
  return statSync(join(checkout, target)).isDirectory() ? sourcesIn(checkout, target) : [target];
}

function orderOf(seed: string, id: string): string {
  return createHash('sha256').update(`${seed}\n${id}`).digest('hex');
}

function by<T>(keyOf: (one: T) => string): (a: T, b: T) => number {
  const keys = new Map<T, string>();
  const key = (one: T) => {
    const known = keys.get(one) ?? keyOf(one);
    keys.set(one, known);
    return known;
  };
  return (a, b) => (key(a) < key(b) ? -1 : 1);
}
