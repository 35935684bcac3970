// Packs from several places: the first that has what was signed serves, whatever the ones before it did.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { expect, it } from 'vitest';
import type { FetchPack } from '../../../../agent/adapters/tree-store/downloads.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { join, sectionsOf } from './pack-builder.ts';
import { unreachable } from './pack-server.ts';
import { ref, sample, tree } from './world.ts';

const PACK = join(sectionsOf(sample));
const LIE = Uint8Array.from(PACK).fill(7, PACK.length - 20);

type Place = (file: string) => void;
/** Goes on where the file stops, as downloads do. */
const honest: Place = (file) => {
  const present = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  writeFileSync(file, Buffer.concat([present, PACK.subarray(present.length)]));
};
/** As much as a disk takes, then no more. */
const filling: Place = (file) => {
  writeFileSync(file, LIE);
  throw new FairleadError('disk/full', { path: file, needed: 0, free: 0 });
};
const ROWS: readonly (readonly [what: string, place: Place])[] = [
  ['cannot be reached', () => raise()],
  [
    'breaks off in the middle',
    (file) => raise(() => writeFileSync(file, PACK.subarray(0, PACK.length >> 1))),
  ],
  [
    'breaks off in the middle of a lie',
    (file) => raise(() => writeFileSync(file, LIE.subarray(0, 30).fill(7))),
  ],
  ['lies about the contents', (file) => writeFileSync(file, LIE)],
  ['has something else', (file) => writeFileSync(file, 'a login page')],
  ['has nothing', (file) => writeFileSync(file, '')],
  ['sends until the disk is full', filling],
];

function raise(before: () => void = () => undefined): never {
  before();
  throw unreachable();
}

function storeWith(...places: readonly Place[]) {
  const stateDir = temporaryDirectory();
  const asked: number[] = [];
  const fetchPack: FetchPack = async (_, file, { place }) => {
    asked.push(place);
    places[place]?.(file);
  };
  const store = createTreeStore({ stateDir, fetchPack, places: async () => places.length });
  return { store, asked, left: () => readdirSync(joinPath(stateDir, 'store/tmp')) };
}

it.each(ROWS)('goes on to the next place where one %s', async (_, place) => {
  const { store, asked } = storeWith(place, honest);

  await store.add(ref);

  expect(await store.has(tree)).toBe(true);
  expect(await store.verify({ tree: ref, writable: [] })).toEqual([]);
  expect(asked).toEqual([0, 1]);
});

it('lets what a liar began go where an honest pack lacks its room, and asks that place again', async () => {
  const begun = (file: string) => existsSync(joinPath(file, '..', `${hexOf(tree)}.pack`));
  const breaking: Place = (file) => raise(() => writeFileSync(file, LIE));
  const { store, asked, left } = storeWith(breaking, (file) => (begun(file) ? filling(file) : honest(file)));

  await store.add(ref);

  expect(await store.has(tree)).toBe(true);
  expect(asked).toEqual([0, 1, 1]);
  expect(left()).toEqual([]);
});

it('says that the disk is full where it is for all of them, once each', async () => {
  const breaking: Place = (file) => raise(() => writeFileSync(file, LIE));
  const { store, asked, left } = storeWith(breaking, filling, filling);

  expect((await rejectionOf(store.add(ref))).code).toBe('disk/full');
  expect(asked).toEqual([0, 1, 1, 2]);
  expect(left()).toEqual([]);
});

it('asks no further than the first that has it', async () => {
  const { store, asked, left } = storeWith(honest, honest);

  await store.add(ref);

  expect(asked).toEqual([0]);
  expect(left()).toEqual([]);
});

it('says why the last one failed where all do, and has nothing then', async () => {
  const { store, asked } = storeWith(
    () => raise(),
    (file) => writeFileSync(file, LIE),
  );

  expect((await rejectionOf(store.add(ref))).code).toMatch(/^tree\//);
  expect(await store.has(tree)).toBe(false);
  expect(asked).toEqual([0, 1]);
});
