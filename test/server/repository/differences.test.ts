// Differences of metadata on a server: beside each publication, for as long as what they lead to, and on every copy.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDifferences } from '../../../server/repository/differences.ts';
import { mirrorOnce } from '../../../server/repository/mirror.ts';
import { metadataName } from '../../../server/repository/names.ts';
import { createOrigin } from '../../../server/repository/origin.ts';
import { UNREFERENCED_KEPT_MS } from '../../../server/repository/prune.ts';
import { applyDifference } from '../../../shared/trust/difference.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { advisoryOf, firstPublication, publicationOf, signRole } from '../../support/publications.ts';
import { reachableFrom } from '../../support/reachable.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { namesIn, storeAt } from '../../support/stores.ts';

const ADVISORIES = 150;

let server: TestServer;
let version: number;

beforeEach(async () => {
  server = await startTestServer();
  const { publisher } = server.context;
  await publisher.publish(firstPublication(publisher.onlineKeys), 'ada');
  version = 1;
  await publish();
});
afterEach(() => server.close());

/** One advisory more than before. */
async function publish(): Promise<void> {
  version++;
  const documents = Array.from({ length: ADVISORIES + version }, (_, i) =>
    advisoryOf(`FL-2026-${1_000 + i}`),
  );
  const metadata = signRole('security', version, documents);
  await server.context.publisher.publish(publicationOf([['security', metadata]], documents), 'ada');
}

const differencesIn = async (store: TestServer['store']) =>
  (await namesIn(store, 'repository/metadata/')).filter((name) => name.endsWith('.diff'));
const differences = (...pairs: readonly string[]) =>
  pairs.map((pair) => `repository/metadata/${pair}.security.diff`).sort();

describe('a publication', () => {
  it('comes with the way to it from each of the last eight', async () => {
    for (let i = 0; i < 9; i++) await publish();

    const found = (await differencesIn(server.store)).filter((name) => name.includes('..11.'));
    expect(found).toEqual(differences(...[3, 4, 5, 6, 7, 8, 9, 10].map((from) => `${from}..11`)));
  });

  it('is served by its difference, which no cache asks for again, and makes the published bytes', async () => {
    await publish();
    const answer = await server.app.inject({ url: '/repository/metadata/2..3.security.diff' });
    const read = async (number: number) =>
      (await server.store.read(metadataName('security', number)))?.bytes ?? Buffer.alloc(0);
    const [from, to] = [await read(2), await read(3)];

    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toContain('immutable');
    expect(answer.rawPayload.length).toBeLessThan(to.length / 10);
    expect(Buffer.compare(applyDifference(from, answer.rawPayload, to.length).bytes, to)).toBe(0);
  });

  it('has none from what is not there, and none of roots and snapshots', async () => {
    await publish();
    const bytes = (await server.store.read(metadataName('security', 3)))?.bytes ?? Buffer.alloc(0);

    expect(await makeDifferences(server.store, { name: metadataName('security', 30), bytes })).toEqual([]);
    expect(await makeDifferences(server.store, { name: metadataName('root', 3), bytes })).toEqual([]);
    expect(await makeDifferences(server.store, { name: metadataName('snapshot', 3), bytes })).toEqual([]);
  });
});

describe('a difference', () => {
  it('goes with the metadata that it leads to, and not before', async () => {
    await publish();
    const before = await reachableFrom(server.store);
    await publish();
    server.now = before.expires + UNREFERENCED_KEPT_MS - 1;
    await server.context.publisher.prune();
    expect(await differencesIn(server.store)).toEqual(differences('2..3', '2..4', '3..4'));

    server.now += 1;
    await server.context.publisher.prune();
    expect(await differencesIn(server.store)).toEqual(differences('2..4', '3..4'));
  });

  it('is on a copy of the server too, made there of what the copy proved', async () => {
    const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
    const directory = temporaryDirectory();
    const store = storeAt(directory);
    const root = (await server.store.read(metadataName('root', 1)))?.bytes ?? Buffer.alloc(0);
    const origin = createOrigin(`${url}/repository`, {});
    const mirror = () =>
      mirrorOnce({ patches: true, origin, store, root, staging: `${directory}/staging`, now: server.now });
    try {
      await mirror();
      await publish();
      await publish();
      await mirror();
    } finally {
      await origin.close();
    }

    expect(await differencesIn(store)).toEqual(differences('2..4'));
  });
});
