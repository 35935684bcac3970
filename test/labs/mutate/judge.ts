// Judges one mutant: its nearest tests in turn until one fails, and the type checker for what survives them.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Baselines } from './baselines.ts';
import type { Mutant } from './find-mutants.ts';
import type { ImportGraph } from './import-graph.ts';
import type { Verdict } from './journal.ts';
import { Runner, type RunResult } from './runner.ts';
import { WorkingCopy } from './working-copy.ts';

export interface JudgeOptions {
  readonly checkout: string;
  readonly graph: ImportGraph;
  readonly baselines: Baselines;
  /** At most so many test files for a mutant. */
  readonly nearest: number;
  /** A test that takes longer on the untouched copy is not asked. */
  readonly slowestMs: number;
}

/** So many tests are asked at first: they kill most mutants. */
const FIRST = 2;
const PATIENCE_MS = 20_000;
const PER_FILE_MS = 1_000;
/** They hold the shape of the house, whatever the code does, or need an hour. */
const NOT_ASKED = /^test\/(?:architecture|docs)\.test\.ts$|^test\/(?:e2e|faults|docs|labs)\//;
/** Tests that use it boot a machine of their own, which takes longer than any mutant is worth. */
const BOOTS = 'test/support/booted.ts';

export class Judge {
  readonly #options: JudgeOptions;
  readonly #copy: WorkingCopy;
  readonly #runner: Runner;
  readonly #killers = new Map<string, Map<string, number>>();
  readonly #sound = new Set<string>();
  readonly #booting: ReadonlySet<string>;
  #types: 'sound' | 'broken' | null = null;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#copy = new WorkingCopy(options.checkout);
    this.#runner = new Runner(this.#copy);
    this.#booting = new Set(options.graph.testsOf(BOOTS));
  }

  /** Null when no test that can be asked reaches the file. */
  async judge(mutant: Mutant): Promise<Verdict | null> {
    const { graph } = this.#options;
    const candidates = graph
      .testsOf(mutant.file)
      .filter((test) => !NOT_ASKED.test(test) && !this.#booting.has(test));
    const queue = [...this.#likeliestFirst(mutant.file, candidates.slice(0, 2 * this.#options.nearest))];
    let asked = 0;
    while (queue.length > 0 && asked < this.#options.nearest) {
      const tests =
        asked === 0
          ? await this.#take(queue, FIRST)
          : this.#quickestFirst(await this.#take(queue, this.#options.nearest - asked));
      const verdict = tests.length === 0 ? null : await this.judgeBy(mutant, tests);
      if (verdict !== null && verdict.outcome !== 'survived') return verdict;
      asked += tests.length;
    }
    if (asked === 0) return null;
    // Asked while nothing is broken: a copy whose types are unsound by themselves refuses no mutant.
    this.#types ??= (await this.#checkTypes()) ? 'sound' : 'broken';
    return this.#copy.withMutant(mutant, async () =>
      this.#types === 'broken' || (await this.#checkTypes())
        ? survivedBy(asked)
        : { outcome: 'refused', by: null, detail: 'the type checker' },
    );
  }

  /** By these tests only, each of which must have a baseline. */
  async judgeBy(mutant: Mutant, tests: readonly string[]): Promise<Verdict> {
    const usual = tests.reduce(
      (sum, test) => sum + (this.#options.baselines.find(test) ?? 0) + PER_FILE_MS,
      0,
    );
    const run = () => this.#runner.run(tests, mutant.file, PATIENCE_MS + 4 * usual);
    const result = await this.#copy.withMutant(mutant, run);
    const verdict = verdictOf(result, tests);
    if (verdict.by === null || (await this.#isTrusted(verdict.by, hasNamedFailure(result)))) {
      this.#remember(mutant.file, verdict.by);
      return verdict;
    }
    const others = tests.filter((test) => test !== verdict.by);
    return others.length === 0 ? survivedBy(0) : await this.judgeBy(mutant, others);
  }

  /**
   * What a test says of a mutant counts once it has passed on the untouched copy in this very run; and where no test of it
   * failed by name, the machine may have: then it has to pass again.
   */
  async #isTrusted(test: string, named: boolean): Promise<boolean> {
    if (named && this.#sound.has(test)) return true;
    const patience = PATIENCE_MS + 2 * this.#options.slowestMs;
    const result = await this.#runner.run([test], null, patience);
    const passed = typeof result !== 'string' && result.ran[0]?.passed === true;
    if (passed) this.#sound.add(test);
    else this.#options.baselines.set(test, null);
    return passed;
  }

  /** Takes so many tests from the queue that pass untouched and in time. */
  async #take(queue: string[], count: number): Promise<readonly string[]> {
    const taken: string[] = [];
    while (taken.length < count) {
      const test = queue.shift();
      if (test === undefined) break;
      if ((await this.baseline(test)) !== null) taken.push(test);
    }
    return taken;
  }

  async baseline(test: string): Promise<number | null> {
    const known = this.#options.baselines.find(test);
    const { slowestMs } = this.#options;
    if (known !== undefined) return known !== null && known <= slowestMs ? known : null;
    const result = await this.#runner.run([test], null, slowestMs + PER_FILE_MS);
    const ran = typeof result === 'string' ? undefined : result.ran[0];
    const ms = ran?.passed === true && ran.ms <= slowestMs ? ran.ms : null;
    this.#options.baselines.set(test, ms);
    if (ms !== null) this.#sound.add(test);
    return ms;
  }

  #likeliestFirst(file: string, tests: readonly string[]): readonly string[] {
    const kills = this.#killers.get(file);
    return tests.toSorted((a, b) => (kills?.get(b) ?? 0) - (kills?.get(a) ?? 0));
  }

  #quickestFirst(tests: readonly string[]): readonly string[] {
    const msOf = (test: string) => this.#options.baselines.find(test) ?? 0;
    return tests.toSorted((a, b) => msOf(a) - msOf(b));
  }

  #remember(file: string, by: string | null): void {
    const kills = this.#killers.get(file) ?? new Map<string, number>();
    this.#killers.set(file, kills);
    if (by !== null) kills.set(by, (kills.get(by) ?? 0) + 1);
  }

  /** Names that nobody uses any more are no objection: who removes a line removes its import too. */
  #checkTypes(): Promise<boolean> {
    const information = join(this.#copy.scratch, 'types.json');
    const options =
      '--noEmit --singleThreaded --incremental --noUnusedLocals false --noUnusedParameters false';
    const all = [...options.split(' '), '--allowUnreachableCode', 'true', '--tsBuildInfoFile', information];
    return new Promise((resolve) => {
      execFile('node_modules/.bin/tsc', all, { cwd: this.#copy.root }, (error) => resolve(error === null));
    });
  }

  close(): void {
    this.#runner.stop();
    this.#copy.remove();
  }
}

function survivedBy(asked: number): Verdict {
  return { outcome: 'survived', by: null, detail: `${asked} of the nearest test files` };
}

/** A test that failed, or that did not end: unlike a process that was lost, or a file that could not be loaded. */
function hasNamedFailure(result: RunResult): boolean {
  return typeof result === 'string' ? result === 'timeout' : result.failed !== null && !result.broken;
}

function verdictOf(result: RunResult, tests: readonly string[]): Verdict {
  if (result === 'timeout')
    return { outcome: 'timeout', by: tests[0] ?? null, detail: 'the tests did not end' };
  if (result === 'broken')
    return { outcome: 'killed', by: tests[0] ?? null, detail: 'the test process ended' };
  const failed = result.ran.find((one) => !one.passed);
  if (failed === undefined && result.failed === null) {
    return survivedBy(tests.length);
  }
  const detail = result.failed ?? 'the file could not be loaded';
  return { outcome: 'killed', by: failed?.test ?? tests[0] ?? null, detail };
}
