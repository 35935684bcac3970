// What a mutator proposes: one piece of text in place of another, and the kind of mistake it stands for.
import type { Node } from './syntax.ts';

export const KINDS = [
  'comparison',
  'equality',
  'logic',
  'fallback',
  'arithmetic',
  'condition',
  'negation',
  'statement',
  'body',
  'returned',
  'literal',
  'pattern',
  'optional',
  'await',
  'call',
] as const;
export type Kind = (typeof KINDS)[number];

export interface Edit {
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

/** Proposes the mistakes that can be made at one node of a text. */
export type Mutator = (node: Node, parents: readonly Node[], text: string) => readonly Edit[];

export function replace(kind: Kind, node: Node, replacement: string): Edit {
  return { kind, start: node.start, end: node.end, replacement };
}

export function textOf(node: Node, text: string): string {
  return text.slice(node.start, node.end);
}
