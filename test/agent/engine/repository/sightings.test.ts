// Since when a digest is halted: kept over restarts, counted from the first day, never from a signer's word.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  addSightings,
  formatSightings,
  isSameSightings,
  NO_SIGHTINGS,
  parseSightings,
} from '../../../../agent/engine/repository/sightings.ts';
import { digestFromHex } from '../../../../shared/encoding/digest.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { createRepository } from '../../../support/open-repository.ts';
import { DAY_MS, hashOf, NOW, RepositorySimulator } from '../../../support/repository-simulator.ts';

const HEX = 'a'.repeat(64);
const DIGEST = digestFromHex(HEX);
const release = { path: 'platform/1.0.0.json', sha256: HEX, length: 1 };
const halt = { path: `halts/${HEX}.json`, sha256: 'b'.repeat(64), length: 1 };
const renewed = { ...halt, sha256: 'c'.repeat(64) };
const other = { path: `halts/${'d'.repeat(64)}.json`, sha256: 'e'.repeat(64), length: 1 };

describe('a sighting', () => {
  const of = (...digests: (readonly [typeof DIGEST, number])[]) => ({
    ...NO_SIGHTINGS,
    digests: new Map(digests),
  });

  it('is made once, however often the halt is renewed', () => {
    const first = addSightings(NO_SIGHTINGS, [release, halt], [], NOW);

    expect(addSightings(first, [release, renewed], [], NOW + DAY_MS)).toEqual(of([DIGEST, NOW]));
  });

  it('stays while the halt is gone, and counts on when it comes back', () => {
    const first = addSightings(NO_SIGHTINGS, [release, halt], [], NOW);
    const gone = addSightings(first, [release], [], NOW + DAY_MS);

    expect(addSightings(gone, [release, renewed], [], NOW + 2 * DAY_MS)).toEqual(of([DIGEST, NOW]));
  });

  it('is made of releases alone: nobody fills the disk with halts of nothing', () => {
    expect(addSightings(NO_SIGHTINGS, [release, other], [], NOW)).toEqual(NO_SIGHTINGS);
  });

  it.each([
    `halts/${HEX}0.json`,
    `halts/${HEX}.json.json`,
    `x/halts/${HEX}.json`,
    `halts/${HEX.slice(1)}.json`,
  ])('is made by no other path than that of a halt: %s', (path) => {
    expect(addSightings(NO_SIGHTINGS, [release, { ...halt, path }], [], NOW)).toEqual(NO_SIGHTINGS);
  });

  it('is the same as another where every digest and order was seen at the same time', () => {
    const one = { digests: new Map([[DIGEST, NOW]]), orders: new Map([['FL-1-1', NOW]]) };
    const others = [
      { ...one, digests: new Map() },
      { ...one, digests: new Map([[DIGEST, NOW + 1]]) },
      { ...one, digests: new Map([[digestFromHex('b'.repeat(64)), NOW]]) },
      { ...one, orders: new Map() },
      { ...one, orders: new Map([['FL-1-2', NOW]]) },
      { ...one, orders: new Map([...one.orders, ['FL-1-2', NOW]]) },
    ];

    expect(isSameSightings(one, parseSightings(formatSightings(one)))).toBe(true);
    expect(others.filter((other) => isSameSightings(one, other) || isSameSightings(other, one))).toEqual([]);
  });

  it.each([
    ['a digest of other letters', { since: { [`G${HEX.slice(1)}`]: NOW } }],
    ['a longer digest', { since: { [`${HEX}0`]: NOW } }],
    ['a digest behind something', { since: { [`x${HEX}`]: NOW } }],
    ['a time that is none', { since: { [HEX]: 'now' } }],
    ['an id without end', { since: {}, orders: { ['F'.repeat(201)]: NOW } }],
  ])('that is read says nothing with %s', (_what, fields) => {
    const bytes = Buffer.from(JSON.stringify({ schema: 'fairlead/halted@1', ...fields }));

    expect(parseSightings(bytes)).toEqual(NO_SIGHTINGS);
  });

  it('goes with its release', () => {
    expect(addSightings(of([DIGEST, NOW]), [], [], NOW)).toEqual(NO_SIGHTINGS);
  });

  it('in the future was made by a clock that was wrong', () => {
    expect(addSightings(of([DIGEST, NOW + DAY_MS]), [release], [], NOW)).toEqual(of([DIGEST, NOW]));
  });

  it('survives writing and reading; what is damaged says nothing', () => {
    const known = { digests: new Map([[DIGEST, NOW]]), orders: new Map([['FL-1-1', NOW]]) };

    expect(parseSightings(formatSightings(known))).toEqual(known);
    expect(parseSightings(formatSightings(known).subarray(5))).toEqual(NO_SIGHTINGS);
    expect(parseSightings(null)).toEqual(NO_SIGHTINGS);
  });

  it('that an earlier version wrote, without orders, is read', () => {
    const earlier = JSON.stringify({ schema: 'fairlead/halted@1', since: { [HEX]: NOW } });

    expect(parseSightings(Buffer.from(earlier))).toEqual(of([DIGEST, NOW]));
  });

  it('of an order counts from the first halt of anything, and stays while the advisory is listed', () => {
    const advisory = { path: 'advisories/FL-1-1.json', sha256: 'f'.repeat(64), length: 1 };
    const orders = (known: typeof NO_SIGHTINGS, listed: (typeof advisory)[], ids: string[], now: number) =>
      addSightings(known, listed, ids, now).orders;
    const first = { ...NO_SIGHTINGS, orders: orders(NO_SIGHTINGS, [advisory], ['FL-1-1'], NOW) };

    expect(orders(first, [advisory], ['FL-1-1'], NOW + DAY_MS)).toEqual(new Map([['FL-1-1', NOW]]));
    expect(orders(first, [advisory], [], NOW + DAY_MS)).toEqual(new Map([['FL-1-1', NOW]]));
    expect(orders(first, [], [], NOW + DAY_MS)).toEqual(new Map());
  });
});

it('stands in the catalog, and on disk before the halt does', async () => {
  const vendor = new RepositorySimulator();
  const platform = JSON.stringify({
    schema: 'fairlead/platform@1',
    version: '1.0.0',
    suites: {},
    change: { id: 'CHG-1', revision: 'git:1', scope: 'test', builtAt: '2026-01-01T00:00:00Z' },
  });
  const hex = hashOf('sha256', Buffer.from(platform));
  vendor.addTarget('targets', 'platform/1.0.0.json', platform);
  vendor.addTarget(
    'targets',
    `halts/${hex}.json`,
    JSON.stringify({
      schema: 'fairlead/halt@1',
      digest: `sha256:${hex}`,
      reason: 'errors',
      issued: '2026-05-31T00:00:00Z',
      expires: '2026-06-02T00:00:00Z',
    }),
  );
  vendor.addTarget(
    'targets',
    'advisories/FL-1-1.json',
    JSON.stringify({
      schema: 'fairlead/advisory@1',
      id: 'FL-1-1',
      title: 'a hole',
      severity: 'critical',
      cves: [],
      affected: [{ component: 'core/auth', versions: '<1.0.1' }],
      fixed: [{ component: 'core/auth', version: '1.0.1' }],
      order: { notice: 'PT0S', deadline: '2026-05-01T00:00:00Z' },
      published: '2026-05-01T00:00:00Z',
    }),
  );
  vendor.publish('targets', 'snapshot', 'timestamp');
  const directory = temporaryDirectory();
  const open = () =>
    createRepository({
      directory,
      url: 'https://vendor.test',
      initialRoot: vendor.initialRoot(),
      http: vendor,
      onWarning: () => undefined,
    });

  await (await open()).refresh(NOW);
  const kept = readFileSync(join(directory, 'halted'), 'utf8');
  const { haltedSince, ordersHaltedSince } = await (await open()).catalog();
  writeFileSync(join(directory, 'halted'), 'damaged');
  const after = await (await open()).catalog();

  expect(JSON.parse(kept)).toEqual({
    schema: 'fairlead/halted@1',
    since: { [hex]: NOW },
    orders: { 'FL-1-1': NOW },
  });
  expect(ordersHaltedSince).toEqual(new Map([['FL-1-1', NOW]]));
  expect(haltedSince).toEqual(new Map([[digestFromHex(hex), NOW]]));
  expect(after.haltedSince).toBeUndefined();
  expect(after.halts).toHaveLength(1);
});
