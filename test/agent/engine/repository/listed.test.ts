// What the roles list, found again where a role says something else: the same as if all of it were looked at.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DocumentRef } from '../../../../agent/engine/repository/documents.ts';
import { compareRefs, createLister } from '../../../../agent/engine/repository/listed.ts';
import { TOP_LEVEL_TARGETS } from '../../../../shared/trust/delegation.ts';
import type { TargetFile, Targets } from '../../../../shared/trust/metadata.ts';

const PATHS = ['halts/a.json', 'other/b.json', 'platform/1.json', 'platform/2.json', 'suites/c.json'];
const fileOf = (number: number): TargetFile => ({
  length: number,
  hashes: new Map([['sha256', `${number}`.padStart(64, '0')]]),
});
const pathOf = (number: number) => `suites/${number}.json`;
/** The same objects for the same words, as entries are that a difference did not touch. */
const FILES = [1, 2, 3].map(fileOf);

function roleOf(listed: readonly (readonly [string, number])[], patterns: readonly string[] = []): Targets {
  const delegations = patterns.map((pattern, i) => ({
    ...{ name: `team${i}`, terminating: i === 0, keyids: [], threshold: 1 },
    scope: { kind: 'paths' as const, patterns: [pattern] },
  }));
  const targets = new Map(listed.map(([path, file]) => [path, FILES[file] as TargetFile]));
  return { version: 1, expires: 0, keys: new Map(), targets, delegations };
}

/** `teams` may be missing. */
function treeOf(top: Targets, ...teams: readonly (Targets | undefined)[]) {
  const roles = new Map<string, Targets | undefined>([['targets', top]]);
  for (const [i, team] of teams.entries()) roles.set(`team${i}`, team);
  const loaded = [...roles].flatMap(([role, targets]) =>
    targets === undefined ? [] : [{ delegator: role === 'targets' ? 'root' : 'targets', role }],
  );
  const asked: string[] = [];
  const lookUp = ({ role }: { readonly role: string }) => {
    asked.push(role);
    return roles.get(role);
  };
  return { lookUp, loaded, asked };
}

const list = createLister(() => undefined);
const again = (tree: ReturnType<typeof treeOf>, lister = list) => lister(tree, tree.loaded);

describe('what the roles list', () => {
  const listed = fc.uniqueArray(fc.tuple(fc.constantFrom(...PATHS), fc.nat(2)), {
    selector: ([path]) => path,
  });
  const state = fc.record({
    top: fc.option(fc.record({ own: listed, patterns: fc.subarray(['platform/*', '*/*']) }), { freq: 2 }),
    teams: fc.tuple(fc.option(listed, { freq: 2 }), fc.option(listed, { freq: 2 })),
    missing: fc.tuple(fc.boolean(), fc.boolean()),
  });

  it('is what a look at all of it finds, however roles change, come and go', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(state, { maxLength: 6 }), async (states) => {
        const lister = createLister(() => undefined);
        let top = roleOf([], ['platform/*', '*/*']);
        let teams = [roleOf([['platform/1.json', 0]]), roleOf([])];
        for (const { top: nextTop, teams: nextTeams, missing } of states) {
          // What is null stays the very object that it was.
          if (nextTop !== null) top = roleOf(nextTop.own, nextTop.patterns);
          teams = teams.map((team, i) => {
            const next = nextTeams[i] ?? null;
            return next === null ? team : roleOf(next);
          });
          const tree = treeOf(top, ...teams.map((team, i) => (missing[i] === true ? undefined : team)));

          expect(await again(tree, lister)).toEqual(
            await again(
              tree,
              createLister(() => undefined),
            ),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is found whatever was taken out, put in and changed of a long list, and in which order a role has it', async () => {
    const number = fc.nat(60);
    const change = fc.record({
      gone: fc.array(number),
      said: fc.array(fc.tuple(number, fc.nat(2))),
      isAnew: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 5 }), async (changes) => {
        const lister = createLister(() => undefined);
        let now = new Map(Array.from({ length: 40 }, (_, i) => [pathOf(i), i % 3]));
        for (const { gone, said, isAnew } of changes) {
          // As a list follows from the one before, or as a whole reading has it.
          now = new Map(isAnew ? [...now].sort() : now);
          for (const i of gone) now.delete(pathOf(i));
          for (const [i, file] of said) now.set(pathOf(i), file);
          const tree = treeOf(roleOf([], ['suites/*']), roleOf([...now]));

          const all = await again(
            tree,
            createLister(() => undefined),
          );
          expect(await again(tree, lister)).toEqual(all);
          expect(all.map(({ path }) => path)).toEqual([...now.keys()].sort());
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is looked at again only where a role lists something else', async () => {
    const many = Array.from({ length: 500 }, (_, i): [string, number] => [`suites/${1_000 + i}.json`, 0]);
    const top = roleOf([], ['suites/*']);
    const lister = createLister(() => undefined);
    await again(treeOf(top, roleOf(many)), lister);
    const next = treeOf(top, roleOf([...many, ['suites/x.json', 1]]));

    const refs = await again(next, lister);

    expect(refs.map(({ path }) => path)).toEqual([...many.map(([path]) => path), 'suites/x.json']);
    expect(next.asked.length).toBeLessThan(10);
  });

  it('is warned of once, and again where it is said anew', async () => {
    const warnings: unknown[] = [];
    const lister = createLister(({ data }) => void warnings.push(data.path));
    const large = (more: number): Targets => ({
      ...roleOf([]),
      targets: new Map([['halts/a.json', { ...fileOf(0), length: 2 ** 30 + more }]]),
    });
    const first = large(0);

    for (const top of [first, first, large(1)]) await lister(treeOf(top), [TOP_LEVEL_TARGETS]);

    expect(warnings).toEqual(['halts/a.json', 'halts/a.json']);
  });
});

describe('two lists of documents', () => {
  const ref = fc.record({
    path: fc.constantFrom(...PATHS),
    sha256: fc.constantFrom('1', '2'),
    length: fc.nat(1),
  });
  const refs = fc.uniqueArray(ref, { selector: ({ path }) => path });
  const has = (all: readonly DocumentRef[], one: DocumentRef) =>
    all.some(
      ({ path, sha256, length }) => path === one.path && sha256 === one.sha256 && length === one.length,
    );

  it('differ in what one has and the other has not, whatever the order of the first', () => {
    fc.assert(
      fc.property(refs, refs, (before, any) => {
        const now = any.toSorted((a, b) => (a.path < b.path ? -1 : 1));
        const { added, removed } = compareRefs(before, now);

        expect(added).toEqual(now.filter((one) => !has(before, one)));
        expect(new Set(removed)).toEqual(new Set(before.filter((one) => !has(now, one))));
      }),
    );
  });

  it('may have any number of documents, as the first list of an install does', () => {
    const many = [...Array(200_000).keys()].map((n) => {
      const path = `halts/${String(n).padStart(6, '0')}.json`;
      return { path, sha256: '1', length: 1 } as unknown as DocumentRef;
    });

    expect(compareRefs([], many).added).toHaveLength(many.length);
    expect(compareRefs(many, []).removed).toHaveLength(many.length);
  });
});
