// A run of the laboratory: chooses mutants by its seed, judges them with some workers, and stops when its time is over.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
  /** Folders, files and `file:line` whose code is mutated. */
  readonly targets: readonly string[];
  readonly seed: string;
  /** Of each target. */
  readonly count: number;
  readonly seconds: number;
  readonly workers: number;
  readonly nearest: number;
  readonly journal: string;
  readonly signal: AbortSignal;
}

const SLOWEST_MS = 30_000;
export const PROGRAM_FOLDERS = ['shared', 'agent', 'server', 'test', 'scripts'];

export async function runCampaign(options: CampaignOptions, report: Report): Promise<void> {
  const graph = readImportGraph(options.checkout, PROGRAM_FOLDERS);
  const everything = PROGRAM_FOLDERS.filter((folder) => existsSync(join(options.checkout, folder))).flatMap(
    (folder) => sourcesIn(options.checkout, folder),
  );
  const journal = new Journal(options.journal, options.checkout, everything);
  const queue = chooseMutants(options, report);
  const baselines = new Baselines(join(dirname(options.journal), 'baselines.json'), options.checkout);
  const until = performance.now() + options.seconds * 1000;
  const next = () => (performance.now() < until && !options.signal.aborted ? queue.shift() : undefined);
  const work = async () => {
    const { checkout, nearest } = options;
    const judge = new Judge({ checkout, graph, baselines, nearest, slowestMs: SLOWEST_MS });
    try {
      for (let mutant = next(); mutant !== undefined; mutant = next()) {
        report.add(mutant, await verdictOn(mutant, judge, journal));
      }
    } finally {
      judge.close();
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
  report.leave(queue.length, baselines.useless);
}

async function verdictOn(mutant: Mutant, judge: Judge, journal: Journal): Promise<Verdict | null> {
  const known = journal.find(mutant.id, mutant.file);
  if (known !== null) return known;
  const verdict = await judge.judge(mutant);
  if (verdict !== null) journal.add(mutant.id, mutant.file, verdict);
  return verdict;
}

function chooseMutants(options: CampaignOptions, report: Report): Mutant[] {
  return options.targets.flatMap((target) => chooseWithin(target, options, report));
}

/** The seed orders all mutants by a digest, so that it chooses the same ones however the code around them grows. */
function chooseWithin(
  target: string,
  { checkout, seed, count }: CampaignOptions,
  report: Report,
): readonly Mutant[] {
  const texts = new Map<string, string>();
  const { files, line } = readTarget(checkout, target);
  const mutants = files.flatMap((file) => {
    texts.set(file, readFileSync(join(checkout, file), 'utf8'));
    const found = findMutants(file, texts.get(file) ?? '');
    return line === null ? found : found.filter((one) => one.line === line);
  });
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

/** A folder, a file, or `file:line`. */
function readTarget(
  checkout: string,
  target: string,
): { readonly files: readonly string[]; readonly line: number | null } {
  const [, file, line] = /^(.+\.ts)(?::(\d+))?$/.exec(target) ?? [];
  if (file === undefined) return { files: sourcesIn(checkout, target), line: null };
  return { files: [file], line: line === undefined ? null : Number(line) };
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
