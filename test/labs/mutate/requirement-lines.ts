// The lines that requirements hang on: each named beside the test that has to fail when it is deleted or negated.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind } from './edits.ts';
import { findMutants, type Mutant } from './find-mutants.ts';
import { Judge, type JudgeOptions } from './judge.ts';

export interface RequirementLine {
  readonly id: string;
  /** A piece of the file's text that stands in it exactly once. */
  readonly excerpt: string;
  readonly file: string;
  readonly test: string;
}

export interface LineVerdict extends RequirementLine {
  /** What was done to the line unnoticed; null where there was nothing to judge, and why. */
  readonly survived: readonly string[];
  readonly problem: string | null;
}

export const REQUIREMENTS = 'docs/requirements.md';
const ROW = /^\| `([FQT]\d+)` \| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \|$/gm;
/** Deleting and negating; other mistakes only where a line is open to neither. */
const DECISIVE: ReadonlySet<Kind> = new Set(['statement', 'condition', 'negation', 'equality', 'returned']);

/** The rows of the table of lines on the page of requirements. */
export function parseRequirementLines(page: string): readonly RequirementLine[] {
  return [...page.matchAll(ROW)].map(([, id = '', excerpt = '', file = '', test = '']) => ({
    id,
    excerpt,
    file,
    test,
  }));
}

/** Deletes and negates every line in a copy, and runs the one test that stands beside it. */
export async function judgeLines(
  lines: readonly RequirementLine[],
  options: JudgeOptions,
  onVerdict: (verdict: LineVerdict) => void,
): Promise<void> {
  const judge = new Judge(options);
  try {
    for (const line of lines) onVerdict({ ...line, ...(await judgeLine(line, judge, options.checkout)) });
  } finally {
    judge.close();
  }
}

async function judgeLine(
  line: RequirementLine,
  judge: Judge,
  checkout: string,
): Promise<Pick<LineVerdict, 'survived' | 'problem'>> {
  if ((await judge.baseline(line.test)) === null) {
    return { survived: [], problem: 'its test fails, or takes too long, while nothing is broken' };
  }
  const mutants = mutantsOn(line, readFileSync(join(checkout, line.file), 'utf8'));
  const survived: string[] = [];
  for (const mutant of mutants) {
    const { outcome } = await judge.judgeBy(mutant, [line.test]);
    if (outcome === 'survived') survived.push(mutant.change);
  }
  return { survived, problem: mutants.length === 0 ? 'nothing in it can be deleted or negated' : null };
}

/** The mutants that begin within the excerpt. */
export function mutantsOn({ excerpt, file }: RequirementLine, text: string): readonly Mutant[] {
  const from = text.indexOf(excerpt);
  const within = findMutants(file, text).filter(
    ({ start }) => from !== -1 && start >= from && start < from + excerpt.length,
  );
  const decisive = within.filter(({ kind }) => DECISIVE.has(kind));
  return decisive.length > 0 ? decisive : within;
}
