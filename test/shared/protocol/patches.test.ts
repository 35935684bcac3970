// The list of the patches to a tree: what a reader takes of it, and which of them it fetches.
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../shared/encoding/digest.ts';
import {
  cheapestPatch,
  encodePatchList,
  type ListedPatch,
  MAX_PATCH_LIST_BYTES,
  MOST_PATCHES,
  maxListedBytes,
  maxPatchBytes,
  parsePatchList,
  patchListPath,
  patchUploadPath,
} from '../../../shared/protocol/patches.ts';
import { maxPackBytes } from '../../../shared/tree/pack-format.ts';
import { PATCH_FORM } from '../../../shared/tree/patch-format.ts';

const treeAt = (number: number) => `sha256:${String(number).padStart(64, '0')}` as Digest;
const TO = { digest: treeAt(99), files: 1, bytes: 1_000_000 };
const MOST = Number.MAX_SAFE_INTEGER;
const many = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ from: treeAt(i), bytes: MOST, form: MOST, digest: treeAt(i) }));
const written = (list: object) => Buffer.from(JSON.stringify({ schema: 'fairlead/patches@1', ...list }));

describe('a list of patches', () => {
  it('is read as it was written, also the longest, in half of what it may measure', () => {
    const list = { full: MOST, patches: many(MOST_PATCHES) };

    const bytes = encodePatchList(list);

    expect(parsePatchList(bytes, 'a list')).toEqual({ schema: 'fairlead/patches@1', ...list });
    expect(bytes.length).toBeLessThanOrEqual(MAX_PATCH_LIST_BYTES / 2);
  });

  it('may say more than is known yet, and nothing of forms', () => {
    const [from, bytes] = [treeAt(1), 5];
    const patches = [
      { from, bytes },
      { from, bytes, form: 1 },
    ];
    const later = { full: 9, since: { a: [1] }, patches: patches.map((one) => ({ ...one, signed: true })) };

    expect(parsePatchList(written(later), 'a list')).toMatchObject({ full: 9, patches });
  });

  it.each<[string, Uint8Array]>([
    ['of too many', written({ full: 1, patches: many(MOST_PATCHES + 1) })],
    ['of no size', written({ patches: [] })],
    ['of another schema', written({ schema: 'fairlead/patches@2', full: 1, patches: [] })],
    ['of a form that is none', written({ full: 1, patches: [{ from: treeAt(1), bytes: 1, form: 0 }] })],
    ['of a form between two', written({ full: 1, patches: [{ from: treeAt(1), bytes: 1, form: 2.5 }] })],
    [
      'with a digest that is none',
      written({ full: 1, patches: [{ from: treeAt(1), bytes: 1, digest: 'x' }] }),
    ],
    ['from what is no tree', written({ full: 1, patches: [{ from: 'x', bytes: 1 }] })],
    ['that is too long', written({ full: 1, patches: [], more: 'x'.repeat(MAX_PATCH_LIST_BYTES) })],
    ['that is too deep', written({ full: 1, patches: [], more: [[[[1]]]] })],
    ['of too many parts', written({ full: 1, patches: [], more: Array(500).fill(1) })],
  ])('is refused %s', (_, bytes) => {
    expect(() => parsePatchList(bytes, 'a list')).toThrow();
  });
});

describe('the patch that is fetched', () => {
  const patch = (number: number, bytes: number, form?: number): ListedPatch => ({
    ...{ from: treeAt(number), bytes },
    ...(form === undefined ? {} : { form }),
  });
  const FULL = 1_000;

  it.each<[string, readonly ListedPatch[], number | null]>([
    ['the smallest', [patch(1, 300), patch(2, 200), patch(3, 250)], 2],
    ['the first of two that are as small', [patch(2, 200), patch(1, 200)], 2],
    ['none from a tree that is not here', [patch(1, 300), patch(7, 200)], 1],
    ['one as large as may be', [patch(1, 600)], 1],
    ['none that saves too little', [patch(1, 601)], null],
    ['one of this form', [patch(1, 1, PATCH_FORM + 1), patch(2, 5, PATCH_FORM), patch(3, 1, 1)], 2],
    ['one of which an earlier server did not say the form', [patch(1, 5)], 1],
    ['none of none', [], null],
  ])('is %s', (_, patches, expected) => {
    const found = cheapestPatch({ full: FULL, patches: [...patches] }, TO, (tree) => tree < treeAt(7));

    expect(found?.from ?? null).toBe(expected === null ? null : treeAt(expected));
  });

  it('is no larger than one beside an honest full pack, whatever the list says of that', () => {
    const honest = maxPatchBytes(maxPackBytes(TO));

    expect(maxListedBytes(MOST, TO)).toBe(honest);
    expect(maxListedBytes(1_001, TO)).toBe(600);
  });
});

// Agents and vendors of every version ask there.
it('has its list beside the full pack, and is sent to where the server takes it', () => {
  expect([patchListPath('aa'), patchUploadPath('aa', 'bb')]).toEqual([
    'packs/aa/patches.json',
    '/api/v1/packs/aa/patches/bb',
  ]);
});
