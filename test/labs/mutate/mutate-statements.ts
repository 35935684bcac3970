// Mistakes between expressions: statements that are missing, conditions never asked, bodies left empty, answers lost.
import { type Edit, type Mutator, replace } from './edits.ts';
import { child, children, type Node, nameOf } from './syntax.ts';

const FUNCTIONS = /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/;
/** What a function gives back when its answer is lost; any type accepts it. */
const LOST = '(null as never)';

export const mutateCondition: Mutator = (node) => {
  const test = child(node, 'test');
  if (test === null) return [];
  if (node.type === 'IfStatement') {
    return [replace('condition', test, 'true'), replace('condition', test, 'false')];
  }
  return /^(?:While|DoWhile|For)Statement$/.test(node.type) ? [replace('condition', test, 'false')] : [];
};

/** Removes a statement that has an effect; declarations stay, for nothing would run without them. */
export const mutateStatement: Mutator = (node, parents) => {
  const parent = parents.at(-1);
  if (parent === undefined || typeof node.directive === 'string') return [];
  if (isCallOfSuper(node) || isUnreachable(child(node, 'expression') ?? node)) return [];
  const removable =
    node.type === 'ExpressionStatement' ||
    node.type === 'ThrowStatement' ||
    node.type === 'ContinueStatement' ||
    (node.type === 'BreakStatement' && parent.type !== 'SwitchCase') ||
    (node.type === 'ReturnStatement' && child(node, 'argument') === null);
  return removable ? [replace('statement', node, ';')] : [];
};

function isCallOfSuper(node: Node): boolean {
  const call = child(node, 'expression');
  return call !== null && child(call, 'callee')?.type === 'Super';
}

/** A case of a switch that is never reached. */
export const mutateCase: Mutator = (node) => {
  if (node.type !== 'SwitchCase' || child(node, 'test') === null) return [];
  const first = children(node, 'consequent')[0];
  const last = children(node, 'consequent').at(-1);
  if (first === undefined || last === undefined || first.type === 'BreakStatement') return [];
  return [{ kind: 'condition', start: first.start, end: last.end, replacement: 'break;' }];
};

/** Empties a function: the type checker refuses those that owe an answer, so that the rest is what counts. */
export const mutateBody: Mutator = (node) => {
  const body = child(node, 'body');
  if (!FUNCTIONS.test(node.type) || body?.type !== 'BlockStatement') return [];
  if (children(body, 'body').length < 2 || children(body, 'body').some(owesAnswer)) return [];
  return [replace('body', body, '{}')];
};

function owesAnswer(node: Node): boolean {
  return node.type === 'ReturnStatement' && child(node, 'argument') !== null;
}

export const mutateReturn: Mutator = (node) => {
  const answer = answerOf(node);
  if (answer === null || answer.type === 'BlockStatement') return [];
  if (answer.type === 'Literal' || answer.type === 'AssignmentExpression' || isNothing(answer)) return [];
  const lost: Edit = replace('returned', answer, LOST);
  if (!/^(?:Logical|Binary)Expression$/.test(answer.type)) return [lost];
  return /^(?:===|!==|<=?|>=?|&&|\|\|)$/.test(String(answer.operator))
    ? [replace('returned', answer, 'true'), replace('returned', answer, 'false')]
    : [lost];
};

/** Nobody misses an answer that is none, nor one that the type checker proves nobody asks for. */
function isNothing(node: Node): boolean {
  return (node.type === 'Identifier' && node.name === 'undefined') || isUnreachable(node);
}

function isUnreachable(node: Node): boolean {
  return node.type === 'CallExpression' && nameOf(child(node, 'callee')) === 'assertNever';
}

function answerOf(node: Node): Node | null {
  if (node.type === 'ReturnStatement') return child(node, 'argument');
  return node.type === 'ArrowFunctionExpression' ? child(node, 'body') : null;
}
