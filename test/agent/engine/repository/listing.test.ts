// The listing: what it keeps over a refresh that was not whole, how fresh it may call itself, and which damage it survives.
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLister, findUnknown } from '../../../../agent/engine/repository/listed.ts';
import {
  EMPTY_LISTING,
  formatListing,
  isComplete,
  type Listing,
  nextListing,
  parseListing,
  sourceOf,
} from '../../../../agent/engine/repository/listing.ts';
import { DOCUMENT_LIMITS } from '../../../../shared/encoding/json.ts';
import { finish } from '../../../../shared/encoding/pieces.ts';
import type { FairleadError } from '../../../../shared/errors/error.ts';
import { TOP_LEVEL_TARGETS } from '../../../../shared/trust/delegation.ts';
import { NOW } from '../../../support/repository-simulator.ts';

const HEX = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const FROM = { root: 1, timestamp: 2, snapshot: 3 };
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const ref = (path: string, sha256 = HEX, length = 1) => ({ path, sha256, length });
const KNOWN: Listing = {
  ...{ schema: 'fairlead/listing@1', from: FROM, expires: NOW, signedAt: NOW - 1 },
  entries: [ref('platform/1.0.0.json'), ref('halts/x.json')],
};
const top = (changes: object = {}) =>
  ({
    root: { version: 1, expires: NOW + 5 },
    timestamp: { version: 2, expires: NOW + 4, signedAt: NOW },
    snapshot: { version: 3, expires: NOW + 6 },
    ...changes,
  }) as never;

describe('a listing on disk', () => {
  it.each([KNOWN, EMPTY_LISTING])('is read as it was written', (listing) => {
    expect(finish(parseListing(formatListing(listing)))).toEqual(listing);
    expect(Buffer.from(formatListing(listing)).toString().at(-1)).toBe('\n');
  });

  it.each<[string, object]>([
    ['another schema', { schema: 'fairlead/listing@2' }],
    ['a key that nobody knows', { more: 1 }],
    ['a digest of capitals', { entries: [ref('a', HEX.toUpperCase())] }],
    ['a longer digest', { entries: [ref('a', `${HEX}0`)] }],
    ['a digest behind something', { entries: [ref('a', `x${HEX}`)] }],
    ['a negative length', { entries: [ref('a', HEX, -1)] }],
    ['a part of a second', { expires: 0.5 }],
    ['notes that nobody knows', { entries: [{ ...ref('a'), notes: { more: 1 } }] }],
    [
      'a bill of no bytes',
      { entries: [{ ...ref('a'), notes: { sbom: { digest: `sha256:${HEX}`, bytes: 0 } } }] },
    ],
    ['a day that is none', { entries: [{ ...ref('a'), notes: { supportUntil: '2026-02-31T00:00:00Z' } }] }],
  ])('says nothing with %s', (_what, change) => {
    expect(finish(parseListing(Buffer.from(JSON.stringify({ ...KNOWN, ...change }))))).toBeNull();
  });

  it('is read in slices however long it is, and whatever its paths hold', () => {
    const entries = numbers(5_000).map((i) => ref(`releases/${i}"},{"path":"x`));
    const long = { ...KNOWN, entries };

    const said = [...parseListing(formatListing(long))];

    expect(finish(parseListing(formatListing(long)))).toEqual(long);
    expect(Math.max(...said)).toBeLessThan(33 * 1024);
    expect(said.length).toBeGreaterThan(10);
  });

  it.each([
    ['an entry of another kind among many', '"length":700}', '"length":"700"}'],
    ['a comma too many', '}]}', '},]}'],
    ['something between two entries', '},{"path":"releases/9', '},1,{"path":"releases/9'],
    ['no list', '"entries":[', '"entries":{'],
    ['two lists', '"entries":[', '"entries":[],"entries":['],
  ])('says nothing with %s', (_what, right, wrong) => {
    const entries = numbers(1_000).map((i) => ref(`releases/${i}`, HEX, i));
    const text = JSON.stringify({ ...KNOWN, entries });
    expect(text).toContain(right);

    expect(finish(parseListing(Buffer.from(text.replace(right, wrong))))).toBeNull();
  });

  it('may name an empty document, and says nothing where it was cut', () => {
    const empty = { ...KNOWN, entries: [ref('a', HEX, 0)] };

    expect(finish(parseListing(formatListing(empty)))).toEqual(empty);
    expect(finish(parseListing(formatListing(KNOWN).subarray(1)))).toBeNull();
  });
});

describe('a listing', () => {
  it.each<[string, Listing['from'], object, boolean]>([
    ['of the same three versions says all', FROM, {}, true],
    ['that was never complete says not', null, {}, false],
    ['of another root says not', { ...FROM, root: 2 }, {}, false],
    ['of another timestamp says not', { ...FROM, timestamp: 1 }, {}, false],
    ['of another snapshot says not', { ...FROM, snapshot: 4 }, {}, false],
    ['without a timestamp to trust says not', FROM, { timestamp: null }, false],
    ['without a snapshot to trust says not', FROM, { snapshot: null }, false],
  ])('%s', (_what, from, changes, complete) => {
    expect(isComplete({ ...KNOWN, from }, top(changes))).toBe(complete);
  });

  it.each<[string, object, readonly (object | undefined)[], number]>([
    ['its timestamp', {}, [{ expires: NOW + 9 }, undefined], NOW + 4],
    ['a role', {}, [{ expires: NOW + 9 }, { expires: NOW + 1 }], NOW + 1],
    ['its root', { root: { version: 1, expires: NOW } }, [], NOW],
    ['its snapshot', { snapshot: { version: 3, expires: NOW - 1 } }, [], NOW - 1],
  ])('is as fresh as the first of its metadata to expire: %s', (_what, changes, targets, expires) => {
    expect(sourceOf(top(changes), targets as never)).toEqual({ from: FROM, expires, signedAt: NOW });
  });

  it('is of no source while there is no timestamp or no snapshot', () => {
    expect(sourceOf(top({ timestamp: null }), [])).toBeNull();
    expect(sourceOf(top({ snapshot: null }), [])).toBeNull();
  });

  it('after a whole refresh is what was obtained, and as fresh as that', () => {
    const source = { from: { root: 9, timestamp: 9, snapshot: 9 }, expires: NOW + 9, signedAt: NOW + 1 };
    const obtained = [ref('platform/2.0.0.json')];

    expect(nextListing(KNOWN, obtained, new Set(), source)).toEqual({
      ...{ schema: 'fairlead/listing@1', entries: obtained },
      ...source,
    });
  });

  it('after another keeps what could not be had in its old form, and becomes no fresher', () => {
    const changed = ref('platform/1.0.0.json', OTHER);

    expect(nextListing(KNOWN, [changed], new Set(['halts/x.json']), null)).toEqual({
      ...KNOWN,
      entries: [changed, ref('halts/x.json')],
    });
    expect(nextListing(KNOWN, [changed], new Set(['halts/x.json', changed.path]), null).entries).toHaveLength(
      2,
    );
    expect(nextListing(KNOWN, [], new Set(), null).entries).toEqual([]);
  });
});

describe('what the roles list', () => {
  const file = (length = 1, algorithm = 'sha256') => ({ length, hashes: new Map([[algorithm, HEX]]) });
  /** Of the top-level role and one that it delegates `platform/*` to. */
  function treeOf(top: object, delegated: object | undefined) {
    const scope = { kind: 'paths', patterns: ['platform/*'] };
    const delegation = { name: 'releases', terminating: true, scope, keyids: [], threshold: 1 };
    const of = (targets: object, delegations: readonly object[]) => ({
      targets: new Map(Object.entries(targets)),
      delegations,
    });
    return {
      lookUp: ({ role }: { readonly role: string }) =>
        role === 'targets' ? of(top, [delegation]) : delegated === undefined ? undefined : of(delegated, []),
    } as never;
  }
  const RELEASES = { delegator: 'targets', role: 'releases' };
  async function listed(top: object, delegated: object | undefined) {
    const warnings: FairleadError[] = [];
    const loaded = delegated === undefined ? [TOP_LEVEL_TARGETS] : [TOP_LEVEL_TARGETS, RELEASES];
    const refs = await createLister((one) => void warnings.push(one))(treeOf(top, delegated), loaded);
    return { refs, warnings: warnings.map(({ code, data }) => [code, data]) };
  }

  it('is told once for each path, in order, and only what the agent reads', async () => {
    const { refs, warnings } = await listed(
      { 'suites/b/1.0.0.json': file(2), 'other/a.json': file(), 'advisories/a.json': file(3) },
      { 'platform/1.0.0.json': file(4), 'suites/b/1.0.0.json': file(5) },
    );

    expect(refs).toEqual([
      ref('advisories/a.json', HEX, 3),
      ref('platform/1.0.0.json', HEX, 4),
      ref('suites/b/1.0.0.json', HEX, 2),
    ]);
    expect(warnings).toEqual([]);
  });

  it('is not told of a path for which another role speaks', async () => {
    expect((await listed({}, { 'suites/b/1.0.0.json': file() })).refs).toEqual([]);
    expect((await listed({}, undefined)).refs).toEqual([]);
  });

  it('is told of the largest document, and a warning of a larger one or one without its digest', async () => {
    const { maxBytes } = DOCUMENT_LIMITS;
    const { refs, warnings } = await listed(
      {
        'halts/a.json': file(maxBytes),
        'halts/b.json': file(maxBytes + 1),
        'halts/c.json': file(1, 'sha512'),
      },
      {},
    );

    expect(refs).toEqual([ref('halts/a.json', HEX, maxBytes)]);
    const problem = 'no SHA-256, or too large';
    expect(warnings).toEqual(
      ['halts/b.json', 'halts/c.json'].map((path) => ['trust/misplaced', { path, problem }]),
    );
  });

  it('is unknown of a path whose role is missing on the way, and of no other', async () => {
    const paths = ['platform/1.0.0.json', 'suites/b/1.0.0.json', 'platform/2.0.0.json'];

    expect(await findUnknown(treeOf({}, undefined), paths)).toEqual(new Set([paths[0], paths[2]]));
    expect(await findUnknown(treeOf({ [paths[0] ?? '']: file() }, undefined), paths)).toEqual(
      new Set([paths[2]]),
    );
    expect(await findUnknown(treeOf({}, {}), paths)).toEqual(new Set());
  });

  it('is looked through in slices, so that everybody else has a turn between two paths', async () => {
    const paths = Array.from({ length: 20 }, (_, i) => `halts/${i}.json`);
    const tree = treeOf(Object.fromEntries(paths.map((path) => [path, file()])), {});
    // Every look at the clock finds that the slice is over.
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 20));
    onTestFinished(() => clock.mockRestore());
    const turnsOf = async (work: Promise<unknown>) => {
      let turns = 0;
      const count = async (): Promise<number> => {
        await later();
        turns += 1;
        return await Promise.race([work.then(() => turns), count()]);
      };
      return await count();
    };

    expect(await turnsOf(createLister(() => undefined)(tree, [TOP_LEVEL_TARGETS]))).toBeGreaterThanOrEqual(
      19,
    );
    expect(await turnsOf(findUnknown(tree, paths))).toBeGreaterThanOrEqual(19);
  });
});
