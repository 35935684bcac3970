// What was released stays to be had until the day that was signed for it: no publication, and nothing that tidies up, goes back on that.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { directoryAddress } from '../../../server/core/repository-address.ts';
import { mirrorOnce } from '../../../server/repository/mirror.ts';
import { packName, targetName } from '../../../server/repository/names.ts';
import { openStore } from '../../../server/repository/open-store.ts';
import { createOrigin } from '../../../server/repository/origin.ts';
import { digestOf, hexOf } from '../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import {
  CAPABILITY_PATH,
  capability,
  changeOf,
  firstPublication,
  NOW,
  publicationOf,
  signRole,
  type VendorDocument,
} from '../../support/publications.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { namesIn } from '../../support/stores.ts';

const DAY_MS = 86_400_000;

let server: TestServer;
let tree: TreeRef;
let version = 1;

beforeEach(async () => {
  server = await startTestServer();
  tree = await addPack(server.store, 'console.log(1)');
  const { publisher } = server.context;
  await publisher.publish(firstPublication(publisher.onlineKeys), 'ada');
  version = 1;
});
afterEach(() => server.close());

const released = (custom?: VendorDocument['custom']): VendorDocument => ({
  ...capability('1.0.0', tree),
  ...(custom === undefined ? {} : { custom }),
});

async function publish(...documents: readonly VendorDocument[]): Promise<void> {
  const changes = documents.map((one) => changeOf(one, '1.0.0', tree));
  const metadata = signRole('releases', ++version, documents);
  await server.context.publisher.publish(publicationOf([['releases', metadata]], documents, changes), 'ada');
}

const inTime = (days: number) => formatInstant(NOW + days * DAY_MS);
const inDays = (days: number) => formatInstant(server.now + days * DAY_MS);

describe('a publication', () => {
  it('that lists a release no longer is refused before its day, which it names, and taken after it', async () => {
    const until = inDays(20);
    await publish(released({ availableUntil: until }));

    const refusal = await rejectionOf(publish());
    expect(refusal.code).toBe('publication/kept');
    expect(refusal.message).toContain(until);

    server.now += 20 * DAY_MS;
    await publish();
    expect(server.context.publisher.published().releases).toEqual([]);
  });

  it('that lists one no longer to which no day was given is refused', async () => {
    await publish(released());

    expect((await rejectionOf(publish())).code).toBe('publication/kept');
  });

  it.each([
    ['an earlier day', (days: string) => ({ availableUntil: days })],
    ['none any more', () => undefined],
  ])('that gives it %s is refused, and a later day is taken', async (_name, notes) => {
    await publish(released({ availableUntil: inDays(20) }));

    expect((await rejectionOf(publish(released(notes(inDays(19)))))).code).toBe('publication/kept');
    await publish(released({ availableUntil: inDays(30) }));

    server.now += 25 * DAY_MS;
    expect((await rejectionOf(publish())).code).toBe('publication/kept');
  });
});

describe('what is kept as long as a platform is mended', () => {
  const own = inTime(20);
  const support = inTime(100);

  beforeEach(() => publish(released({ availableUntil: own, supportUntil: support })));

  it.each([
    ['support that ends sooner', { availableUntil: own, supportUntil: inTime(30) }],
    ['none any more', { availableUntil: own }],
    ['none, and no day', undefined],
  ])('is kept whatever comes after it: %s', async (_name, notes) => {
    for (const days of [0, 25]) {
      server.now = NOW + days * DAY_MS;
      const refusal = await rejectionOf(publish(released(notes)));
      expect(refusal.code).toBe('publication/kept');
      expect(refusal.message).toContain(support);
    }
  });

  it('may be said by its own day instead', async () => {
    await publish(released({ availableUntil: support, supportUntil: inTime(22) }));

    server.now = NOW + 25 * DAY_MS;
    expect((await rejectionOf(publish())).code).toBe('publication/kept');
  });
});

describe('a mirror', () => {
  it('keeps what its list names no longer until the day that it saw, and lets it go then', async () => {
    await publish(released({ availableUntil: inDays(20) }));
    const origin = createOrigin(`${await server.app.listen({ host: '127.0.0.1', port: 0 })}/repository`, {});
    onTestFinished(() => origin.close());
    const directory = temporaryDirectory();
    const store = openStore(directoryAddress(directory));
    const root = (await server.store.read('repository/metadata/1.root.json'))?.bytes ?? new Uint8Array();
    const mirror = (now: number) =>
      mirrorOnce({ patches: true, origin, store, root, now, staging: join(directory, 'staging') });
    const begin = server.now;
    await mirror(begin);
    // To the server the day is over; to the mirror, whose clock is right, it is not.
    server.now = begin + 20 * DAY_MS;
    await publish();
    const document = targetName(CAPABILITY_PATH, hexOf(digestOf(released().bytes)));
    const there = async () =>
      (await namesIn(store)).filter((one) => [document, packName(hexOf(tree.digest))].includes(one));

    await mirror(begin + 1);
    await mirror(begin + 2);
    expect(await there()).toHaveLength(2);

    server.now = begin + 100 * DAY_MS;
    await server.context.publisher.renew();
    await mirror(server.now);
    expect(await there()).toEqual([]);
  });
});

it('the daily job removes nothing of a release that is listed no longer', async () => {
  await publish(released({ availableUntil: inDays(20) }));
  const before = (await namesIn(server.store, 'repository/')).filter((one) => !one.includes('metadata/'));
  server.now += 20 * DAY_MS;
  await publish();
  server.now += 400 * DAY_MS;

  expect((await server.context.publisher.prune()).removed).toBeGreaterThan(0);

  expect(await namesIn(server.store, 'repository/')).toEqual(expect.arrayContaining(before));
});
