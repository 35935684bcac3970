// The syntax tree of a source file, read with the parser that the tests' own bundler brings.
import { parseAst } from 'vitest/node';

/** A node of the tree, with its place in the text. What else it holds depends on its type. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** TypeScript's nodes around a value; every other one is a type, and no type is there at run time. */
const AROUND_VALUES = new Set(['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression']);

/** Throws on text that is not TypeScript. */
export function parseSource(text: string): Node {
  return parseAst(text, { lang: 'ts' }, 'source.ts') as unknown as Node;
}

export function isSource(text: string): boolean {
  try {
    parseSource(text);
    return true;
  } catch {
    return false;
  }
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

/** The child under a name, or null where there is none. */
export function child(node: Node, key: string): Node | null {
  const value = node[key];
  return isNode(value) ? value : null;
}

export function children(node: Node, key: string): readonly Node[] {
  const value = node[key];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The name of an identifier, or of the last part of `a.b.name`; empty for anything else. */
export function nameOf(node: Node | null): string {
  if (node === null) return '';
  if (node.type === 'MemberExpression') return nameOf(child(node, 'property'));
  return typeof node.name === 'string' ? node.name : '';
}

/** Visits every node that exists at run time, parents first; `parents` ends with the nearest. */
export function visit(root: Node, see: (node: Node, parents: readonly Node[]) => void): void {
  const parents: Node[] = [];
  const enter = (node: Node) => {
    if (isTypeOnly(node)) return;
    see(node, parents);
    parents.push(node);
    for (const value of Object.values(node)) {
      for (const one of Array.isArray(value) ? value : [value]) if (isNode(one)) enter(one);
    }
    parents.pop();
  };
  enter(root);
}

function isTypeOnly(node: Node): boolean {
  if (node.type.startsWith('TS')) return !AROUND_VALUES.has(node.type);
  return node.declare === true;
}
