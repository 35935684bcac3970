// Mistakes in what is written down: numbers, truth values, words, lists and the parts of a pattern. Prose is left alone.
import { type Edit, type Mutator, replace } from './edits.ts';
import { child, children, type Node, nameOf } from './syntax.ts';

export const mutateLiteral: Mutator = (node, parents, text) => {
  if (node.type === 'Literal' && !isName(node, parents)) {
    if (typeof node.value === 'boolean') return [replace('literal', node, String(!node.value))];
    if (typeof node.value === 'number') {
      return isSign(node, parents) ? [] : [replace('literal', node, String(node.value + 1))];
    }
    if (typeof node.value === 'string')
      return isWord(node.value, parents) ? [replace('literal', node, "''")] : [];
    return node.regex === undefined ? [] : patternEdits(node, text);
  }
  if (node.type === 'TemplateLiteral') {
    const written = children(node, 'quasis').map((quasi) => String((quasi.value as { raw: string }).raw));
    return isWord(written.join('-'), parents) ? [replace('literal', node, '``')] : [];
  }
  const filled = node.type === 'ArrayExpression' && children(node, 'elements').length > 0;
  return filled ? [replace('literal', node, '([] as never)')] : [];
};

/** Either `1` of `a < b ? -1 : 1`: of what sorts, only the sign counts. */
function isSign(node: Node, parents: readonly Node[]): boolean {
  const choice = parents.findLast((parent) => parent.type !== 'UnaryExpression');
  if (choice?.type !== 'ConditionalExpression' || child(choice, 'test') === node) return false;
  const [low, high] = [child(choice, 'consequent'), child(choice, 'alternate')];
  const isLow = low?.type === 'UnaryExpression' && low.operator === '-';
  return isLow && child(low, 'argument')?.value === 1 && high?.value === 1;
}

/** Keys of objects and sources of imports name something; they are not values. */
function isName(node: Node, parents: readonly Node[]): boolean {
  const parent = parents.at(-1);
  if (parent === undefined || /^(?:Import|Export)/.test(parent.type)) return true;
  return child(parent, 'key') === node && parent.computed !== true;
}

/** Tests hold codes and outcomes, not sentences: what is said to people is not mutated. */
function isWord(value: string, parents: readonly Node[]): boolean {
  if (value === '' || /\s/.test(value)) return false;
  return !parents.some(
    (parent) =>
      (parent.type === 'NewExpression' && /Error$/.test(nameOf(child(parent, 'callee')))) ||
      (parent.type === 'CallExpression' && /^(?:describe|meta)$/.test(nameOf(child(parent, 'callee')))),
  );
}

/** Anchors dropped, members of a class left out, what must be there once made optional. */
function patternEdits(node: Node, text: string): readonly Edit[] {
  const edits: Edit[] = [];
  const pattern = (node.regex as { pattern: string }).pattern;
  const from = node.start + 1;
  const drop = (at: number, length: number) =>
    edits.push({ kind: 'pattern', start: from + at, end: from + at + length, replacement: '' });
  let inClass = -1;
  for (let at = 0; at < pattern.length; at++) {
    const length = unitLength(pattern, at, inClass !== -1);
    const unit = pattern.slice(at, at + length);
    if (inClass === -1) {
      if (unit === '[') inClass = edits.length;
      else if (unit === '^' || unit === '$') drop(at, 1);
      else if (unit === '+')
        edits.push({ kind: 'pattern', start: from + at, end: from + at + 1, replacement: '*' });
    } else if (unit === ']') {
      // A class of one member would be left empty, and match nothing at all.
      if (edits.length - inClass < 2) edits.splice(inClass);
      inClass = -1;
    } else if (unit !== '^') drop(at, length);
    at += length - 1;
  }
  return edits.filter((edit) => text.slice(edit.start, edit.end) !== '');
}

/** The length of a unit of a pattern: an escape, a range of a class, or one character. */
function unitLength(pattern: string, at: number, inClass: boolean): number {
  const one = /^(?:\\u\{[0-9a-fA-F]+\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[pP]\{[^}]*\}|\\.|.)/s;
  const first = one.exec(pattern.slice(at))?.[0].length ?? 1;
  if (!inClass || pattern[at + first] !== '-' || /^\]?$/.test(pattern[at + first + 1] ?? '')) return first;
  const last = one.exec(pattern.slice(at + first + 1))?.[0].length ?? 1;
  return pattern[at] === ']' ? first : first + 1 + last;
}
