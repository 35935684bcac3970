// What stands in the store and is not what was published: nothing is signed on it, and nobody is told that all is well.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { metadataName, TIMESTAMP } from '../../../server/repository/names.ts';
import { signSnapshot, signTimestamp } from '../../../server/repository/online-metadata.ts';
import { createPublisher, type LocalPublisher } from '../../../server/repository/publisher.ts';
import { loadState } from '../../../server/repository/state.ts';
import { rejectionOf } from '../../support/error-code.ts';
import {
  advisoryOf,
  firstPublication,
  publicationOf,
  signRole,
  signRoot,
  testKey,
} from '../../support/publications.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const HOUR_MS = 60 * 60 * 1000;
const OURS = { snapshot: testKey('snapshot'), timestamp: testKey('timestamp') };
const THIEF = { snapshot: testKey('thief'), timestamp: testKey('thief') };

let server: TestServer;

beforeEach(async () => {
  server = await startTestServer();
  const { publisher } = server.context;
  await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
  const advisory = advisoryOf('FL-2026-0001');
  await publisher.publish(
    publicationOf([['security', signRole('security', 2, [advisory])]], [advisory]),
    'test',
  );
});
afterEach(() => server.close());

/** As the next process, which remembers nothing. */
function openAgain(keys = OURS): Promise<LocalPublisher> {
  return createPublisher({
    ...{ store: server.store, keys, now: () => server.now, findChange: async () => null },
    inTurn: (work) => work({ id: '', verify: async () => undefined, take: async (version) => version }),
    recordCommit: async () => undefined,
  });
}

const halts = publicationOf([['halts', signRole('halts', 2, [])]]);

describe('a file that is another than the one above it names', () => {
  it.each(['security', 'releases', 'targets'])('is refused as metadata of %s', async (role) => {
    const version = role === 'security' ? 2 : 1;
    await server.store.write(
      metadataName(role, version),
      Buffer.from(signRole(role as 'security', version, [], [testKey('thief')])),
    );

    const refusal = await rejectionOf(openAgain());

    expect(refusal.code).toBe('server/repository-damaged');
    expect(refusal.data).toMatchObject({ name: metadataName(role, version) });
  });

  it('is not taken for what is known, nor parsed again where it is that', async () => {
    const state = await loadState(server.store);
    const again = await loadState(server.store, state?.roles);
    expect(again?.roles.get('security')).toBe(state?.roles.get('security'));
    const name = metadataName('security', 2);
    const whole = await server.store.read(name);
    const text = whole === null ? '' : Buffer.from(whole.bytes).toString('latin1');
    await server.store.write(name, Buffer.from(text.replace('"version":2', '"version":3'), 'latin1'));

    const refusal = await rejectionOf(loadState(server.store, state?.roles));

    if (whole !== null) await server.store.write(name, whole.bytes);
    expect(refusal.code).toBe('server/repository-damaged');
  });

  it('is refused where it is missing, or half of it is', async () => {
    const name = metadataName('security', 2);
    const whole = await server.store.read(name);
    if (whole === null) throw new Error('it was published');
    await server.store.write(name, whole.bytes.subarray(0, 100));
    expect((await rejectionOf(openAgain())).code).toBe('server/repository-damaged');
    const half = await server.store.tagOf(name);
    if (half !== null) await server.store.clear(name, half);

    expect((await rejectionOf(openAgain())).message).toContain('it is missing');
  });
});

describe('a timestamp that somebody else put there', () => {
  /** All that is published, but for the newest advisory: as a thief of the storage would like to have it signed. */
  async function putBack(keys: typeof OURS): Promise<void> {
    const state = await loadState(server.store);
    if (state === null) throw new Error('it was published');
    const version = state.timestamp.content.version + 1;
    const old = await server.store.read(metadataName('security', 1));
    if (old === null) throw new Error('it was published');
    const roles = new Map(state.roles);
    const security = roles.get('security');
    if (security !== undefined) {
      const content = { ...security.content, version: 1, targets: new Map() };
      roles.set('security', { ...security, bytes: old.bytes, content });
    }
    const snapshot = signSnapshot(keys, roles, version, server.now);
    await server.store.write(metadataName('snapshot', version), snapshot.bytes);
    await server.store.write(TIMESTAMP, signTimestamp(keys, snapshot, version, server.now).bytes);
  }

  it('is not signed again, and nothing is published upon it', async () => {
    await putBack(THIEF);
    const publisher = await openAgain();
    server.now += 7 * HOUR_MS;

    const refusals = [
      await rejectionOf(publisher.resign()),
      await rejectionOf(publisher.publish(halts, 'test')),
    ];

    expect(refusals.map(({ code }) => code)).toEqual([
      'server/repository-strange',
      'server/repository-strange',
    ]);
    expect(refusals[0]?.hint).toContain('who wrote there');
  });

  it('is left alone after an exchange of the server’s keys, until the root names the new ones', async () => {
    const keys = { snapshot: testKey('new snapshot'), timestamp: testKey('new timestamp') };
    const publisher = await openAgain(keys);
    server.now += 7 * HOUR_MS;
    expect((await rejectionOf(publisher.resign())).code).toBe('server/repository-strange');

    await publisher.publish(
      publicationOf([['root', signRoot(publisher.onlineKeys, { version: 2 })]]),
      'test',
    );
    server.now += 7 * HOUR_MS;

    expect(await publisher.resign()).toBe('signed');
  });
});
