// The catalog of a listing: made anew when the listing or a sighting is another, and while the disk has not all of it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CatalogReader } from '../../../../agent/engine/repository/catalog-reader.ts';
import type { DocumentRef } from '../../../../agent/engine/repository/documents.ts';
import { EMPTY_LISTING, type Listing } from '../../../../agent/engine/repository/listing.ts';
import { NO_SIGHTINGS } from '../../../../agent/engine/repository/sightings.ts';
import type { Version } from '../../../../shared/version/version.ts';
import { hashOf } from '../../../support/repository-simulator.ts';
import { buildRelease } from '../../../support/scenario.ts';

function documentOf(version: string) {
  const { bytes } = buildRelease({ kind: 'platform', version: version as Version });
  const ref = { path: `platform/${version}.json`, sha256: hashOf('sha256', bytes), length: bytes.length };
  return { ref, bytes };
}

const [ONE, TWO] = [documentOf('1.0.0'), documentOf('2.0.0')] as const;
const listingOf = (...entries: DocumentRef[]): Listing => ({ ...EMPTY_LISTING, entries });

function reader(...documents: readonly (typeof ONE)[]) {
  const files = new Map(documents.map(({ ref, bytes }) => [ref.sha256, bytes]));
  const asked: string[] = [];
  const warned: unknown[] = [];
  const cache = {
    names: async () => new Set(files.keys()),
    read: async (sha256: string) => {
      asked.push(sha256);
      return files.get(sha256) ?? null;
    },
    write: async () => undefined,
    keepOnly: async () => undefined,
  };
  const of = new CatalogReader(cache, ({ data }) => void warned.push(data.path));
  const versions = async (listing: Listing) =>
    (await of.read(listing, NO_SIGHTINGS)).catalog.releases.map(({ document }) => document.version);
  return { of, files, asked, warned, versions };
}

describe('the catalog', () => {
  it('is the same object while listing and sightings are: who works with it need not begin anew', async () => {
    const { of } = reader(ONE);
    const listing = listingOf(ONE.ref);
    const first = await of.read(listing, NO_SIGHTINGS);

    expect(await of.read(listing, NO_SIGHTINGS)).toBe(first);
    expect(await of.read({ ...listing }, NO_SIGHTINGS)).not.toBe(first);
    const seen = { ...NO_SIGHTINGS, orders: new Map([['FL-1-1', 5]]) };
    expect((await of.read(listing, seen)).catalog.ordersHaltedSince).toBe(seen.orders);
  });

  it('is of the listing’s documents in their order, however they come, go and change places; what stays listed is read once', async () => {
    const documents = Array.from({ length: 12 }, (_, i) => documentOf(`${i + 1}.0.0`));
    const listing = fc.record({
      listed: fc.shuffledSubarray(documents),
      isOrdered: fc.boolean(),
      learned: fc.subarray(documents),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(listing, { maxLength: 6 }), async (listings) => {
        const { of, asked, versions } = reader(...documents);
        let before: readonly (typeof ONE)[] = [];
        for (const { listed, isOrdered, learned } of listings) {
          const now = isOrdered ? documents.filter((one) => listed.includes(one)) : listed;
          for (const { ref, bytes } of learned) of.learn(ref, bytes);
          asked.length = 0;

          // As after a restart, where no two of these objects are the same.
          const found = await versions(listingOf(...now.map(({ ref }) => ({ ...ref }))));

          expect(found).toEqual(await reader(...documents).versions(listingOf(...now.map(({ ref }) => ref))));
          const unknown = now.filter((one) => !before.includes(one) && !learned.includes(one));
          expect(new Set(asked)).toEqual(new Set(unknown.map(({ ref }) => ref.sha256)));
          expect(asked).toHaveLength(unknown.length);
          before = now;
        }
      }),
      { numRuns: 100 },
    );
  });

  it('follows the listing, and reads each document once', async () => {
    const { of, asked, versions } = reader(ONE, TWO);

    expect(await versions(listingOf(ONE.ref))).toEqual(['1.0.0']);
    expect(await versions(listingOf(ONE.ref, TWO.ref))).toEqual(['1.0.0', '2.0.0']);
    expect(await versions(listingOf(TWO.ref))).toEqual(['2.0.0']);
    expect(asked).toEqual([ONE.ref.sha256, TWO.ref.sha256]);
    // What was no longer listed is forgotten: it is read again, and verified.
    expect(await versions(listingOf(ONE.ref))).toEqual(['1.0.0']);
    expect(asked).toHaveLength(3);
    of.learn(TWO.ref, TWO.bytes);
    expect(await versions(listingOf(ONE.ref, TWO.ref))).toEqual(['1.0.0', '2.0.0']);
    expect(asked).toHaveLength(3);
  });

  it('never takes what came for the path since for what was listed there', async () => {
    const { of, versions } = reader(ONE);
    const other = { ...TWO.ref, path: ONE.ref.path };
    of.learn(other, TWO.bytes);

    expect(await versions(listingOf(ONE.ref))).toEqual(['1.0.0']);
  });

  it('lacks what the disk lost, says so each time, and has it when it is back', async () => {
    const { of, files, warned, versions } = reader(ONE);
    const listing = listingOf(ONE.ref, TWO.ref);

    expect(await versions(listing)).toEqual(['1.0.0']);
    expect(await versions(listing)).toEqual(['1.0.0']);
    expect([warned, [...of.lost]]).toEqual([[TWO.ref.path, TWO.ref.path], [TWO.ref.path]]);
    files.set(TWO.ref.sha256, TWO.bytes);
    expect(await versions(listing)).toEqual(['1.0.0', '2.0.0']);
    expect(of.lost.size).toBe(0);
  });
});
