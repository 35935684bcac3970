// Mistakes within an expression: operators, boundaries, negations, fallbacks, calls and what is optional.
import { type Edit, type Kind, type Mutator, replace, textOf } from './edits.ts';
import { child, type Node, nameOf } from './syntax.ts';

/** Each operator with those it is mistaken for: the boundary first, then the opposite. */
const OPERATORS: Readonly<Record<string, readonly [Kind, ...string[]]>> = {
  '<': ['comparison', '<=', '>='],
  '<=': ['comparison', '<', '>'],
  '>': ['comparison', '>=', '<='],
  '>=': ['comparison', '>', '<'],
  '===': ['equality', '!=='],
  '!==': ['equality', '==='],
  '&&': ['logic', '||'],
  '||': ['logic', '&&'],
  '+': ['arithmetic', '-'],
  '-': ['arithmetic', '+'],
  '*': ['arithmetic', '/'],
  '/': ['arithmetic', '*'],
  '%': ['arithmetic', '*'],
  '<<': ['arithmetic', '>>'],
  '>>': ['arithmetic', '<<'],
  '>>>': ['arithmetic', '<<'],
  '&': ['arithmetic', '|'],
  '|': ['arithmetic', '&'],
  '+=': ['arithmetic', '-='],
  '-=': ['arithmetic', '+='],
  '*=': ['arithmetic', '/='],
};

/** Calls that are mistaken for one another. */
const SWAPS: ReadonlyMap<string, string> = new Map(
  [
    ['some', 'every'],
    ['min', 'max'],
    ['floor', 'ceil'],
    ['startsWith', 'endsWith'],
  ].flatMap(([one = '', other = '']) => [
    [one, other],
    [other, one],
  ]),
);

/** Links of a chain that leave the type as it is: without them the value is only wrong. */
const LINKS = new Set(
  'filter sort toSorted reverse toReversed slice trim trimEnd trimStart toLowerCase toUpperCase optional nullable min max length regex refine superRefine check strict nonempty int positive nonnegative default'.split(
    ' ',
  ),
);

export const mutateOperator: Mutator = (node, _parents, text) => {
  const [left, right] = [child(node, 'left'), child(node, 'right')];
  if (left === null || right === null || typeof node.operator !== 'string') return [];
  if (node.operator === '??') {
    return [replace('fallback', node, textOf(right, text)), replace('fallback', node, textOf(left, text))];
  }
  if (/^(?:in|instanceof)$/.test(node.operator)) {
    return [replace('condition', node, 'true'), replace('condition', node, 'false')];
  }
  if (/^\+=?$/.test(node.operator) && (isText(left) || isText(right))) return [];
  const [kind, ...others] = OPERATORS[node.operator] ?? ['logic' as const];
  return others.map((operator) => betweenOperands(kind, left, right, operator, text));
};

function betweenOperands(kind: Kind, left: Node, right: Node, operator: string, text: string): Edit {
  const between = text.slice(left.end, right.start);
  const at = /[^\s()]+/.exec(between);
  const start = left.end + (at?.index ?? 0);
  return { kind, start, end: start + (at?.[0].length ?? 0), replacement: operator };
}

function isText(node: Node): boolean {
  return node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string');
}

export const mutateUnary: Mutator = (node, _parents, text) => {
  const argument = child(node, 'argument');
  if (argument === null) return [];
  if (node.type === 'AwaitExpression') return [replace('await', node, textOf(argument, text))];
  if (node.type === 'UpdateExpression') {
    const other = node.operator === '++' ? '--' : '++';
    const written = textOf(argument, text);
    return [replace('arithmetic', node, node.prefix === true ? other + written : written + other)];
  }
  return node.type === 'UnaryExpression' && node.operator === '!'
    ? [replace('negation', node, `(${textOf(argument, text)})`)]
    : [];
};

export const mutateCall: Mutator = (node, _parents, text) => {
  const callee = child(node, 'callee');
  if (node.type !== 'CallExpression' || callee?.type !== 'MemberExpression') return [];
  const [object, property] = [child(callee, 'object'), child(callee, 'property')];
  if (object === null || property === null || callee.computed === true) return [];
  const name = nameOf(property);
  const swap = SWAPS.get(name);
  const swapped = swap === undefined || isSchema(node) ? [] : [replace('call', property, swap)];
  const isLink = LINKS.has(name) && (nameOf(object) !== 'Math' || object.type !== 'Identifier');
  return isLink ? [...swapped, replace('call', node, textOf(object, text))] : swapped;
};

/** Whether a chain begins at zod's `z`. */
function isSchema(node: Node): boolean {
  const next = child(node, 'callee') ?? child(node, 'object');
  return node.type === 'Identifier' ? node.name === 'z' : next !== null && isSchema(next);
}

export const mutateOptional: Mutator = (node, parents, text) => {
  if (node.type === 'SpreadElement' && /^(?:Object|Array)Expression$/.test(parents.at(-1)?.type ?? '')) {
    return [{ kind: 'optional', start: node.start, end: afterComma(node.end, text), replacement: '' }];
  }
  if (node.type === 'AssignmentPattern') {
    const left = child(node, 'left');
    return left === null ? [] : [replace('optional', node, textOf(left, text))];
  }
  if (node.type !== 'MemberExpression' || node.optional !== true) return [];
  const object = child(node, 'object');
  if (object === null) return [];
  const at = text.indexOf('?.', object.end);
  return [{ kind: 'optional', start: at, end: at + 2, replacement: node.computed === true ? '' : '.' }];
};

export const mutateTernary: Mutator = (node) => {
  const test = child(node, 'test');
  if (node.type !== 'ConditionalExpression' || test === null) return [];
  return [replace('condition', test, 'true'), replace('condition', test, 'false')];
};

function afterComma(end: number, text: string): number {
  const comma = /^\s*,/.exec(text.slice(end));
  return end + (comma?.[0].length ?? 0);
}
