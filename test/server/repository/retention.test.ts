// What was released stays to be had until the day that was signed for it: no publication, and nothing that tidies up, goes back on that.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { rejectionOf } from '../../support/error-code.ts';
import {
  capability,
  changeOf,
  firstPublication,
  publicationOf,
  signRole,
  type VendorDocument,
} from '../../support/publications.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';

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
