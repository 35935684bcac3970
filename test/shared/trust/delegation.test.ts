// Path patterns and the search through delegations, without a network.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Delegation, isInScope, resolveTarget } from '../../../shared/trust/delegation.ts';
import type { DelegatedRole, Targets } from '../../../shared/trust/metadata.ts';

const inPaths = (path: string, ...patterns: string[]) => isInScope(path, { kind: 'paths', patterns });

describe('path patterns', () => {
  it.each<[string, string, boolean]>([
    ['targets/*.tgz', 'targets/foo.tgz', true],
    ['targets/*.tgz', 'targets/foo.txt', false],
    ['foo-version-?.tgz', 'foo-version-a.tgz', true],
    ['foo-version-?.tgz', 'foo-version-alpha.tgz', false],
    ['*.tgz', 'foo.tgz', true],
    ['*.tgz', 'targets/foo.tgz', false],
    ['foo.tgz', 'foo.tgz', true],
    ['foo.tgz', 'foo-tgz', false],
    ['*', '', true],
    ['*', 'a/b', false],
    ['*/*', 'a/b', true],
    ['*/*', 'a', false],
    ['a/*', 'a/', true],
    ['?', '', false],
    ['?', '\u{1f512}', true],
    ['a*b*c', 'aXbbYc', true],
    ['a*b*c', 'aXbbYd', false],
    ['**', 'abc', true],
    ['', '', true],
    ['', 'a', false],
    ['[ab]', 'a', false],
    ['[ab]', '[ab]', true],
    ['a.c', 'abc', false],
    ['*.', '.hidden', false],
    ['*', '.hidden', true],
  ])('%s for %s: %s', (pattern, path, expected) => {
    expect(inPaths(path, pattern)).toBe(expected);
  });

  it('mean what a regular expression of the same form means', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?', '.'), maxLength: 12 });
    fc.assert(
      fc.property(text, text, (pattern, path) => {
        const source = pattern.replaceAll('.', '\\.').replaceAll('?', '[^/]').replaceAll('*', '[^/]*');
        expect(inPaths(path, pattern)).toBe(new RegExp(`^${source}$`, 'u').test(path));
      }),
      { numRuns: 2000 },
    );
  });

  it('take no time, whatever a hostile delegator writes', () => {
    const start = performance.now();

    expect(inPaths('a'.repeat(20_000), `${'*a'.repeat(30)}*b`)).toBe(false);

    expect(performance.now() - start).toBeLessThan(500);
  });

  it('match when one of several does', () => {
    expect(inPaths('b', 'a', 'b')).toBe(true);
    expect(inPaths('c', 'a', 'b')).toBe(false);
    expect(inPaths('c')).toBe(false);
  });
});

describe('hash prefixes', () => {
  it('are prefixes of the SHA-256 of the path', () => {
    const scope = (...prefixes: string[]): DelegatedRole['scope'] => ({ kind: 'hash-prefixes', prefixes });

    expect(isInScope('in-a-bin', scope('25689b'))).toBe(true);
    expect(isInScope('in-a-bin', scope('25689B'))).toBe(true);
    expect(isInScope('in-a-bin', scope('26'))).toBe(false);
    expect(isInScope('in-a-bin', scope())).toBe(false);
  });
});

describe('the search', () => {
  const file = { length: 1, hashes: new Map(), custom: null };

  /** Roles by name; each delegates to the names after the colon, `!` marking a terminating delegation. */
  function rolesOf(graph: Record<string, string[]>, owner: string | null = null) {
    const roles = new Map<string, Targets>();
    for (const [name, delegates] of Object.entries(graph)) {
      roles.set(name, {
        version: 1,
        expires: 0,
        keys: new Map(),
        targets: new Map(name === owner ? [['file', file]] : []),
        delegations: delegates.map((delegate) => ({
          name: delegate.replace('!', ''),
          keyids: [],
          threshold: 1,
          terminating: delegate.endsWith('!'),
          scope: { kind: 'paths', patterns: ['*'] },
        })),
      });
    }
    return ({ role }: Delegation) => roles.get(role);
  }

  it('finds what the delegator says itself before what its delegates say', () => {
    expect(resolveTarget('file', rolesOf({ targets: ['A'], A: [] }, 'targets'))).toMatchObject({
      kind: 'found',
      role: 'targets',
    });
  });

  it('prefers the earlier branch, however deep', () => {
    const graph = { targets: ['A', 'B'], A: ['C'], C: [], B: [] };

    expect(resolveTarget('file', rolesOf(graph, 'C'))).toMatchObject({ kind: 'found', role: 'C' });
  });

  it('asks for the role it needs, as its delegator names it', () => {
    expect(resolveTarget('file', rolesOf({ targets: ['A'] }))).toEqual({
      kind: 'needs',
      delegation: { delegator: 'targets', role: 'A' },
    });
    expect(resolveTarget('file', rolesOf({}))).toMatchObject({ delegation: { delegator: 'root' } });
  });

  it('does not look behind a terminating delegation, even where an answer waits', () => {
    expect(resolveTarget('file', rolesOf({ targets: ['A!', 'B'], A: [], B: [] }, 'B')).kind).toBe('absent');
  });

  it('asks thirty-two roles at most', () => {
    const chain = (length: number) =>
      Object.fromEntries(
        Array.from({ length }, (_, i) => [
          i === 0 ? 'targets' : `r${i}`,
          i === length - 1 ? [] : [`r${i + 1}`],
        ]),
      );

    expect(resolveTarget('file', rolesOf(chain(32), 'r31'))).toMatchObject({ kind: 'found', role: 'r31' });
    expect(resolveTarget('file', rolesOf(chain(33), 'r32')).kind).toBe('absent');
  });

  it('ends at a delegation that terminates, and with those before it', () => {
    const graph = { targets: ['A', 'B!', 'C'], A: [], B: [], C: [] };

    expect(resolveTarget('file', rolesOf(graph, 'A'))).toMatchObject({ kind: 'found', role: 'A' });
    expect(resolveTarget('file', rolesOf(graph, 'B'))).toMatchObject({ kind: 'found', role: 'B' });
    expect(resolveTarget('file', rolesOf(graph, 'C')).kind).toBe('absent');
  });

  it('passes over a delegate whose paths are others', () => {
    const look = rolesOf({ targets: ['A', 'B'], A: [], B: [] }, 'B');
    const others = (delegation: Delegation) => {
      const found = look(delegation);
      const [first, ...rest] = found?.delegations ?? [];
      if (found === undefined || first === undefined) return found;
      return {
        ...found,
        delegations: [
          { ...first, terminating: true, scope: { kind: 'paths' as const, patterns: ['x*'] } },
          ...rest,
        ],
      };
    };

    expect(resolveTarget('file', others)).toMatchObject({ kind: 'found', role: 'B' });
  });

  it('always ends, whatever the graph', () => {
    const names = ['targets', 'a', 'b', 'c', 'd'];
    const edges = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'a!', 'b!'), { maxLength: 4 });
    fc.assert(
      fc.property(fc.tuple(edges, edges, edges, edges, edges), (lists) => {
        const graph = Object.fromEntries(names.map((name, index) => [name, lists[index] ?? []]));
        expect(resolveTarget('file', rolesOf(graph)).kind).toBe('absent');
      }),
    );
  });
});
