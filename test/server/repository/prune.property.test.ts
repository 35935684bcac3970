// Whatever can be reached from what is signed stays, for its time; all else goes; wherever that breaks off.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metadataName, TIMESTAMP } from '../../../server/repository/names.ts';
import { UNREFERENCED_KEPT_MS } from '../../../server/repository/prune.ts';
import { createPublisher } from '../../../server/repository/publisher.ts';
import type { RepositoryStore, Tag } from '../../../server/repository/store.ts';
import { rejectionOf } from '../../support/error-code.ts';
import {
  advisoryOf,
  firstPublication,
  NOW,
  publicationOf,
  signRole,
  signRoot,
  testKey,
} from '../../support/publications.ts';
import { reachableFrom } from '../../support/reachable.ts';

const DAY_MS = 86_400_000;

describe('whatever is published, signed again, removed and broken off', () => {
  type Step =
    | { readonly kind: 'publish'; readonly titles: readonly number[] }
    | { readonly kind: 'root' }
    | { readonly kind: 'wait'; readonly days: number }
    | { readonly kind: 'prune'; readonly failAfter: number | null };

  const LONG: Step[] = [
    { kind: 'publish', titles: [1] },
    { kind: 'publish', titles: [2] },
    { kind: 'wait', days: 40 },
  ];
  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('publish' as const),
          titles: fc.array(fc.nat(3), { maxLength: 3 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('root' as const) }) },
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 25 }) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('prune' as const),
          failAfter: fc.option(fc.nat(5), { freq: 2 }),
        }),
      },
    ),
    { maxLength: 10 },
  );

  it('what can be reached from anything younger than its time is there, all roots are, and nothing else stays', async () => {
    let removed = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (walked) => {
        removed += await walk([...walked, { kind: 'prune', failAfter: null }]);
      }),
      { numRuns: 20, examples: [[LONG]] },
    );

    expect(removed).toBeGreaterThan(0);
  });

  async function walk(walked: readonly Step[]): Promise<number> {
    const place = await begin();
    const { store, files, trouble, publisher } = place;
    const seen = [await reachableFrom(store)];
    let [version, root, removed] = [1, 1, 0];
    for (const step of walked) {
      if (step.kind === 'publish') {
        const documents = step.titles.map((title, i) => advisoryOf(`FL-${i}`, { title: `${title}` }));
        const metadata = signRole('security', ++version, documents);
        await publisher.publish(publicationOf([['security', metadata]], documents), 'ada');
      } else if (step.kind === 'root') {
        await publisher.publish(
          publicationOf([['root', signRoot(publisher.onlineKeys, { version: ++root })]]),
          'ada',
        );
      } else if (step.kind === 'wait') {
        place.now += step.days * DAY_MS;
        await publisher.resign();
      } else {
        const before = files.size;
        trouble.left = step.failAfter;
        const isWhole = await publisher.prune().then(
          ({ left }) => left === 0,
          () => false,
        );
        trouble.left = null;
        removed += before - files.size;
        const alive = seen.filter(
          ({ expires }, i) => i === seen.length - 1 || expires + UNREFERENCED_KEPT_MS > place.now,
        );
        const roots = Array.from({ length: root }, (_, i) => metadataName('root', i + 1));
        const expected = new Set([TIMESTAMP, ...roots, ...alive.flatMap(({ names }) => names)]);
        expect([...expected].filter((name) => !files.has(name))).toEqual([]);
        if (isWhole) expect([...files.keys()].filter((name) => !expected.has(name))).toEqual([]);
      }
      if (step.kind !== 'prune') seen.push(await reachableFrom(store));
    }
    return removed;
  }

  it('nothing goes while one cannot be read that may lead to something', async () => {
    const place = await begin();
    const { store, files, publisher } = place;
    const [old = ''] = (await reachableFrom(store)).names;
    await publisher.publish(publicationOf([['security', signRole('security', 2, [])]]), 'ada');
    files.set(old, Buffer.from('{'));
    place.now += 100 * DAY_MS;
    const before = [...files.keys()];

    expect(await rejectionOf(publisher.prune())).toMatchObject({
      code: 'server/repository-damaged',
      data: { name: old },
    });
    expect([...files.keys()]).toEqual(before);
  });
});

/** A first publication, in memory. */
async function begin() {
  const place = { ...memoryStore(), now: NOW };
  const keys = { snapshot: testKey('snapshot'), timestamp: testKey('timestamp') };
  const turn = { id: '', verify: async () => undefined, take: async (version: number) => version };
  const publisher = await createPublisher({
    ...{ store: place.store, keys, now: () => place.now, findChange: async () => null },
    ...{ inTurn: (work) => work(turn), recordCommit: async () => undefined },
  });
  await publisher.publish(firstPublication(publisher.onlineKeys), 'ada');
  return Object.assign(place, { publisher });
}

/** `trouble.left` is after how many removals the place fails; null for never. */
function memoryStore() {
  const files = new Map<string, Buffer>();
  const trouble: { left: number | null } = { left: null };
  const tagOf = (name: string) => (files.get(name)?.toString('base64') ?? null) as Tag | null;
  const put = (name: string, bytes: Uint8Array) => void files.set(name, Buffer.from(bytes));
  const store: RepositoryStore = {
    place: 'memory',
    tagOf: async (name) => tagOf(name),
    read: async (name) => {
      const bytes = files.get(name);
      return bytes === undefined ? null : { bytes, tag: tagOf(name) ?? ('' as Tag) };
    },
    open: async () => null,
    write: async (name, bytes) => put(name, bytes),
    replace: async (name, bytes, before) => {
      if (tagOf(name) !== before) return false;
      put(name, bytes);
      return true;
    },
    clear: async (name, before) => {
      if (trouble.left !== null && trouble.left-- <= 0) throw new Error('the place is away');
      if (tagOf(name) === before) files.delete(name);
    },
    take: async () => undefined,
    list: async function* (prefix) {
      for (const name of [...files.keys()]) if (name.startsWith(prefix)) yield name;
    },
    close: async () => undefined,
  };
  return { store, files, trouble };
}
