// Every mutant of a source file: where it is, what changes, and an identity that survives moves of lines.
import { createHash } from 'node:crypto';
import type { Edit, Kind, Mutator } from './edits.ts';
import {
  mutateCall,
  mutateOperator,
  mutateOptional,
  mutateTernary,
  mutateUnary,
} from './mutate-expressions.ts';
import { mutateLiteral } from './mutate-literals.ts';
import {
  mutateBody,
  mutateCase,
  mutateCondition,
  mutateReturn,
  mutateStatement,
} from './mutate-statements.ts';
import { parseSource, visit } from './syntax.ts';

export interface Mutant extends Edit {
  /** Of file, line and change: the same mutant has the same one after the file grew above it. */
  readonly id: string;
  readonly kind: Kind;
  /** From the project's root. */
  readonly file: string;
  readonly line: number;
  /** The line as it is written, without its indentation. */
  readonly written: string;
  /** `what stands there → what the mutant says`, on one line. */
  readonly change: string;
}

const MUTATORS: readonly Mutator[] = [
  mutateOperator,
  mutateUnary,
  mutateCall,
  mutateOptional,
  mutateTernary,
  mutateCondition,
  mutateStatement,
  mutateCase,
  mutateBody,
  mutateReturn,
  mutateLiteral,
];

/** The mutants of a file in the order of its text. */
export function findMutants(file: string, text: string): readonly Mutant[] {
  const edits = new Map<string, Edit>();
  visit(parseSource(text), (node, parents) => {
    for (const edit of MUTATORS.flatMap((mutate) => mutate(node, parents, text))) {
      const key = `${edit.start}-${edit.end}-${edit.replacement}`;
      if (text.slice(edit.start, edit.end) !== edit.replacement && !edits.has(key)) edits.set(key, edit);
    }
  });
  const seen = new Map<string, number>();
  return [...edits.values()]
    .sort((a, b) => a.start - b.start || a.end - b.end)
    .map((edit) => toMutant(file, text, edit, seen));
}

export function applyEdit(text: string, edit: Edit): string {
  return text.slice(0, edit.start) + edit.replacement + text.slice(edit.end);
}

function toMutant(file: string, text: string, edit: Edit, seen: Map<string, number>): Mutant {
  const from = text.lastIndexOf('\n', edit.start - 1) + 1;
  const to = text.indexOf('\n', edit.start);
  const written = text.slice(from, to === -1 ? undefined : to).trim();
  const change = `${onOneLine(text.slice(edit.start, edit.end))} → ${onOneLine(edit.replacement)}`;
  const name = `${file}\n${written}\n${change}`;
  const nth = seen.get(name) ?? 0;
  seen.set(name, nth + 1);
  const id = createHash('sha256').update(`${name}\n${nth}`).digest('hex').slice(0, 16);
  return { ...edit, id, file, written, change, line: text.slice(0, edit.start).split('\n').length };
}

function onOneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line === '' ? '(nothing)' : line;
}
