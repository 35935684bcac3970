// What nobody can move or remove: immutable files, mounts, other things in a tree's place. Trees are stored and collected all the same.
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { freeze, mountOver, NO_FREEZE, NO_MOUNT } from '../../../support/held-files.ts';
import { createWorld, other, ref, signed, tree, WHOLE } from './world.ts';

const HEX = hexOf(tree);

describe('a tree whose place is taken', () => {
  it.each<[string, (path: string) => void]>([
    ['by a file', (path) => writeFileSync(path, 'x')],
    ['by a link', (path) => symlinkSync('/', path)],
  ])('%s takes it back', async (_, take) => {
    const { store, trees } = createWorld();
    await store.collect(new Set());
    take(joinPath(trees, HEX));

    await store.add(ref);

    expect(await store.verify(signed)).toEqual([]);
    expect(readdirSync(trees)).toEqual([HEX]);
  });

  it('by an immutable file stands beside it', async ({ skip }) => {
    const { store, trees, left } = createWorld();
    await store.collect(new Set());
    writeFileSync(joinPath(trees, HEX), 'x');
    skip(!freeze(joinPath(trees, HEX)), NO_FREEZE);

    await store.add(ref);

    expect(await store.has(tree)).toBe(true);
    expect(await store.verify(signed)).toEqual([]);
    expect(left).toMatchObject([{ code: 'disk/immovable', data: { path: joinPath(trees, HEX) } }]);
  });

  it('by its own damaged and immutable files stands beside them, also after a restart', async ({ skip }) => {
    const { store, reopen, trees } = createWorld();
    await store.add(ref);
    writeFileSync(joinPath(trees, HEX, 'index.json'), '{}');
    skip(!freeze(joinPath(trees, HEX)), NO_FREEZE);

    await store.repair(signed, WHOLE);

    for (const one of [store, reopen()]) expect(await one.verify(signed)).toEqual([]);
    expect(store.directoryOf(tree)).toBe(joinPath(trees, `${HEX}.1`, 'files'));
    expect(readdirSync(trees)).toEqual([HEX, `${HEX}.1`]);
  });

  it('goes with all of its places once nothing needs it', async ({ skip }) => {
    const { store, trees } = createWorld();
    await store.add(ref);
    writeFileSync(joinPath(trees, HEX, 'index.json'), '{}');
    skip(!freeze(joinPath(trees, HEX)), NO_FREEZE);
    await store.repair(signed, WHOLE);

    const refusal = await rejectionOf(store.collect(new Set()));

    expect(refusal).toMatchObject({ code: 'disk/immovable', data: { path: joinPath(trees, HEX) } });
    expect(readdirSync(trees)).toEqual([HEX]);
  });
});

describe('collecting', () => {
  it('removes the others when one tree cannot be moved', async ({ skip }) => {
    const { store, trees } = createWorld();
    await store.add(ref);
    await store.add(other.ref);
    skip(!freeze(joinPath(trees, HEX)), NO_FREEZE);

    await rejectionOf(store.collect(new Set()));

    expect(readdirSync(trees)).toEqual([HEX]);
  });

  it('takes a tree away of which one file cannot be removed, and leaves that file aside', async ({
    skip,
  }) => {
    const { store, trees, temporary } = createWorld();
    await store.add(ref);
    await store.add(other.ref);
    skip(!freeze(joinPath(trees, HEX, 'files/text')), NO_FREEZE);

    await rejectionOf(store.collect(new Set()));

    expect(readdirSync(trees)).toEqual([]);
    expect(readdirSync(temporary)).toHaveLength(1);
  });

  it('leaves alone what somebody mounted in a tree', async ({ skip }) => {
    const { store, trees } = createWorld();
    const precious = temporaryDirectory();
    writeFileSync(joinPath(precious, 'file'), 'x');
    await store.add(ref);
    skip(!mountOver(precious, joinPath(trees, HEX, 'files/logs')), NO_MOUNT);

    await rejectionOf(store.collect(new Set()));

    expect(readFileSync(joinPath(precious, 'file'), 'utf8')).toBe('x');
    expect(await store.has(tree)).toBe(false);
  });
});

describe('adding', () => {
  it.each<[string, (temporary: string) => void]>([
    [
      'a directory where its pack belongs',
      (at) => mkdirSync(joinPath(at, `${HEX}.pack/below`), { recursive: true }),
    ],
    ['a link where its pack belongs', (at) => symlinkSync('/nowhere/pack', joinPath(at, `${HEX}.pack`))],
    ['a file where it is built', (at) => writeFileSync(joinPath(at, `${HEX}.tree`), 'x')],
  ])('does not mind %s', async (_, put) => {
    const { store, temporary } = createWorld();
    await store.collect(new Set());
    put(temporary);

    await store.add(ref);

    expect(await store.verify(signed)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it.for(['pack', 'tree'])('does not mind an immutable %s of an earlier attempt', async (kind, { skip }) => {
    const { store, temporary } = createWorld();
    await store.collect(new Set());
    const path = joinPath(temporary, `${HEX}.${kind}`);
    if (kind === 'tree') mkdirSync(path);
    else writeFileSync(path, 'x');
    skip(!freeze(path), NO_FREEZE);

    await store.add(ref);

    expect(await store.verify(signed)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([`${HEX}.${kind}`]);
  });
});

it('names a thousand of the files that nobody signed, and still finds what is missing', async () => {
  const { store } = createWorld();
  await store.add(ref);
  const files = store.directoryOf(tree);
  for (let n = 0; n < 1_050; n++) writeFileSync(joinPath(files, `${n}`), '');

  const found = await store.verify(signed);

  expect(found).toHaveLength(1_000);
  await store.repair(signed, WHOLE);
  expect(await store.verify(signed)).toEqual([]);
  expect(existsSync(joinPath(files, '0'))).toBe(false);
});
