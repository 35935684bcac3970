// Mutants that change nothing anybody could notice, each with the reason why; they are neither tried nor counted.
import { readFileSync } from 'node:fs';
import type { Mutant } from './find-mutants.ts';

export interface Equivalent {
  readonly file: string;
  /** The line as it is written, without its indentation. */
  readonly line: string;
  /** As the report prints it; left out, every change of the line is meant. */
  readonly change?: string;
  readonly reason: string;
}

const LIST = new URL('./equivalents.json', import.meta.url);

export function readEquivalents(): readonly Equivalent[] {
  return JSON.parse(readFileSync(LIST, 'utf8')) as readonly Equivalent[];
}

export function isEquivalent(mutant: Mutant, listed: readonly Equivalent[]): boolean {
  return listed.some((one) => isMeant(one, mutant));
}

/** Entries about these mutants' files that no mutant fits any more: the line was changed, or went. */
export function staleAmong(listed: readonly Equivalent[], mutants: readonly Mutant[]): readonly Equivalent[] {
  const files = new Set(mutants.map((mutant) => mutant.file));
  return listed.filter((one) => files.has(one.file) && !mutants.some((mutant) => isMeant(one, mutant)));
}

function isMeant(one: Equivalent, mutant: Mutant): boolean {
  if (one.file !== mutant.file || one.line !== mutant.written) return false;
  return one.change === undefined || one.change === mutant.change;
}
