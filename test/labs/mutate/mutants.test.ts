// Which mistakes the laboratory makes: one small text for each kind, and what must not be touched.
import { describe, expect, it } from 'vitest';
import { applyEdit, findMutants } from './find-mutants.ts';

const changesIn = (text: string) => findMutants('a.ts', text).map((mutant) => applyEdit(text, mutant));

describe('a mistake is made', () => {
  it.each([
    ['at a boundary', 'f(a < b);', 'f(a <= b);'],
    ['by turning a comparison round', 'f(a < b);', 'f(a >= b);'],
    ['by negating an equality', 'f(a === b);', 'f(a !== b);'],
    ['by asking for one of two conditions', 'f(a && b);', 'f(a || b);'],
    ['in a sum', 'f(a + b);', 'f(a - b);'],
    ['by never falling back', 'f(a ?? b);', 'f(a);'],
    ['by always falling back', 'f(a ?? b);', 'f(b);'],
    ['by taking a condition for met', 'if (a) f();', 'if (true) f();'],
    ['by taking a condition for unmet', 'if (a) f();', 'if (false) f();'],
    ['in a choice of two', 'f(a ? 1 : 2);', 'f(false ? 1 : 2);'],
    ['by forgetting a not', 'f(!a);', 'f((a));'],
    ['by leaving out a call', 'f();', ';'],
    ['by leaving out a refusal', 'if (a) throw b;', 'if (a) ;'],
    ['by leaving out an awaited call', 'await f();', ';'],
    ['by not waiting', 'await f();', 'f();'],
    ['by emptying a function', 'function f() { a(); b(); }', 'function f() {}'],
    ['by losing an answer', 'function f() { return a; }', 'function f() { return (null as never); }'],
    ['by never reaching a case', 'switch (a) { case 1: f(); }', 'switch (a) { case 1: break; }'],
    ['by one more', 'f(10);', 'f(11);'],
    ['by the other truth value', 'f(true);', 'f(false);'],
    ['by an empty word', "f('code');", "f('');"],
    ['by an empty list', 'f([a]);', 'f(([] as never));'],
    ['by matching anywhere', 'f(/^a/);', 'f(/a/);'],
    ['by leaving a range out of a class', 'f(/[a-z\\u202a-\\u202e]/);', 'f(/[a-z]/);'],
    ['by trusting that something is there', 'f(a?.b);', 'f(a.b);'],
    ['by leaving out a part', 'f({ ...a, b });', 'f({  b });'],
    ['by skipping a filter', 'f(a.filter(b));', 'f(a);'],
    ['by asking for all instead of any', 'f(a.some(b));', 'f(a.every(b));'],
  ])('%s', (_what, text, changed) => {
    expect(changesIn(text)).toContain(changed);
  });
});

describe('left alone is', () => {
  it.each([
    ['a type', 'type A = 1 | 2; interface B { readonly c?: 3 }'],
    ['an import', "import { a } from 'b';"],
    ['a key', "const a = { 'b': c };"],
    ['a sentence, which no test should hold', "const a = 'two words';"],
    ['what the types prove that nobody reaches', 'function f() { return assertNever(a); }'],
    ['the same without an answer', 'assertNever(a);'],
    ['what an error is given as text', "const a = new SomeError('code');"],
  ])('%s', (_what, text) => {
    expect(changesIn(text)).toEqual([]);
  });
});

describe('what sorts', () => {
  it('is turned round, but not made to differ by more', () => {
    const changes = changesIn('f((a, b) => (a < b ? -1 : 1));');

    expect(changes).toContain('f((a, b) => (a >= b ? -1 : 1));');
    expect(changes.filter((text) => /-2|: 2/.test(text))).toEqual([]);
    expect(changesIn('f(a ? -1 : 2);')).toContain('f(a ? -1 : 3);');
  });
});

describe('an answer that is none', () => {
  it('is not lost', () => {
    expect(changesIn('const a = () => undefined;')).toEqual([]);
  });
});

describe('an identity', () => {
  it('stays when lines are added above, and differs between equal lines', () => {
    const ids = (text: string) => findMutants('a.ts', text).map((mutant) => mutant.id);
    const [first = [], moved = []] = [ids('f(1);\nf(1);\n'), ids('\n\nf(1);\nf(1);\n')];

    expect(moved).toEqual(first);
    expect(new Set(first).size).toBe(first.length);
  });
});
