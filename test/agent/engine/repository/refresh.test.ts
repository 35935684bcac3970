// Timestamp, snapshot and top-level targets: what a refresh asks for, accepts, refuses and keeps.
import { describe, expect, it } from 'vitest';
import { createHttpSource } from '../../../../agent/adapters/repository/http-source.ts';
import { Updater } from '../../../../agent/engine/repository/updater.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import {
  DAY_MS,
  hashOf,
  NOW,
  newKey,
  REPOSITORY_URLS,
  RepositorySimulator,
} from '../../../support/repository-simulator.ts';
import { newClient, openUpdater } from '../../../support/trust-client.ts';

async function refreshed() {
  const repository = new RepositorySimulator();
  const client = await newClient(repository);
  expect(await client.refresh()).toBe('ok');
  repository.requests.length = 0;
  return { repository, client };
}

const ALL = ['targets', 'snapshot', 'timestamp'];

describe('a first refresh', () => {
  it('asks for each file once, in the order of the specification', async () => {
    const repository = new RepositorySimulator();
    const client = await newClient(repository);

    await client.refresh();

    expect(repository.requests).toEqual(['root 2', 'timestamp', 'snapshot 1', 'targets 1']);
  });

  it('keeps exactly the bytes it received', async () => {
    const repository = new RepositorySimulator();
    const spaced = Buffer.concat([repository.current('timestamp'), Buffer.from(' ')]);
    repository.publishAs('timestamp', spaced);
    const client = await newClient(repository);

    await client.refresh();

    expect(client.store.files.get('timestamp.json')).toEqual(Uint8Array.from(spaced));
    expect(client.store.files.get('targets.json')).toEqual(repository.current('targets'));
  });

  it('reads plain file names where snapshots are not consistent', async () => {
    const repository = new RepositorySimulator();
    repository.root.consistent_snapshot = false;
    repository.publish('root');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('ok');
    expect(repository.requests).toEqual(['root 2', 'root 3', 'timestamp', 'snapshot', 'targets']);
  });

  it('accepts fields that the specification does not name', async () => {
    const repository = new RepositorySimulator();
    repository.root['x-custom'] = { a: [1, null, 'b'] };
    repository.root.roles.timestamp['x-period'] = 7;
    repository.timestamp.signed_at = 'some other meaning';
    repository.publish('root', 'timestamp');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('ok');
  });
});

describe('a repeated refresh', () => {
  it('asks for nothing behind an unchanged timestamp', async () => {
    const { repository, client } = await refreshed();

    expect(await client.refresh()).toBe('ok');
    expect(repository.requests).toEqual(['root 2', 'timestamp']);
  });

  it('does not even read the timestamp again in the same process', async () => {
    const { repository, client } = await refreshed();
    const updater = await openUpdater(repository, client.store);
    await updater.refresh(NOW);
    const before = client.store.effects;

    await updater.refresh(NOW + DAY_MS);

    expect(client.store.effects).toBe(before);
  });

  it('fetches only what the snapshot says is new', async () => {
    const { repository, client } = await refreshed();
    repository.publish('snapshot', 'timestamp');

    expect(await client.refresh()).toBe('ok');
    expect(repository.requests).toEqual(['root 2', 'timestamp', 'snapshot 2']);
  });

  it('ignores other content under the trusted timestamp version', async () => {
    const { repository, client } = await refreshed();
    repository.withdraw('timestamp');
    repository.timestamp.meta['snapshot.json'].version = 100;
    repository.publish('timestamp');

    expect(await client.refresh()).toBe('ok');
    expect(repository.requests.at(-1)).toBe('timestamp');
    expect(client.trusted().timestamp).toBe(1);
  });

  it('goes on from an expired timestamp', async () => {
    const repository = new RepositorySimulator();
    repository.timestamp.expires = '2026-06-08T00:00:00Z';
    repository.publish('timestamp');
    const client = await newClient(repository);
    await client.refresh();
    repository.timestamp.expires = '2026-06-22T00:00:00Z';
    repository.publish(...ALL);

    expect(await client.refresh(NOW + 18 * DAY_MS)).toBe('ok');
    expect(client.trusted()).toEqual({ root: 1, snapshot: 2, targets: 2, timestamp: 3 });
  });
});

describe('signatures', () => {
  it.each([
    ['timestamp', { root: 2 }],
    ['snapshot', { root: 2, timestamp: 2 }],
    ['targets', { root: 2, timestamp: 2, snapshot: 2 }],
  ])('missing from %s end the refresh there', async (role, trusted) => {
    const repository = new RepositorySimulator();
    repository.signers.set(role, []);
    repository.publish('root', ...ALL);
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/threshold');
    expect(client.trusted()).toEqual(trusted);
  });

  it('that do not verify are passed over where enough others do', async () => {
    const { repository, client } = await refreshed();
    repository.timestamp.version = 2;
    repository.publish('timestamp');
    const metadata = JSON.parse(Buffer.from(repository.current('timestamp')).toString());
    metadata.signatures.unshift({ keyid: 'other', sig: '' }, { keyid: 'another', sig: 'not hexadecimal' });
    repository.publishAs('timestamp', Buffer.from(JSON.stringify(metadata)));

    expect(await client.refresh()).toBe('ok');
    expect(client.trusted().timestamp).toBe(3);
  });

  it('may be written in capitals', async () => {
    const repository = new RepositorySimulator();
    const metadata = JSON.parse(Buffer.from(repository.current('timestamp')).toString());
    metadata.signatures[0].sig = metadata.signatures[0].sig.toUpperCase();
    repository.publishAs('timestamp', Buffer.from(JSON.stringify(metadata)));
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('ok');
  });

  it('may not carry one key id twice', async () => {
    const repository = new RepositorySimulator();
    const metadata = JSON.parse(Buffer.from(repository.current('snapshot')).toString());
    metadata.signatures.push(metadata.signatures[0]);
    repository.withdraw('snapshot');
    repository.publishAs('snapshot', Buffer.from(JSON.stringify(metadata)));
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/malformed');
    expect(client.trusted()).toEqual({ root: 1, timestamp: 1 });
  });

  it('of one role do not make another: a snapshot served as the timestamp', async () => {
    const repository = new RepositorySimulator();
    repository.signers.get('snapshot')!.push(repository.signers.get('timestamp')![0]!);
    repository.snapshot.meta = { 'snapshot.json': { version: 1 } };
    repository.publish('snapshot');
    repository.publishAs('timestamp', repository.current('snapshot'));
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/malformed');
    expect(client.trusted()).toEqual({ root: 1 });
  });
});

describe('rollback attacks', () => {
  it('refuses a timestamp older than the trusted one', async () => {
    const { repository, client } = await refreshed();
    const old = repository.current('timestamp');
    repository.publish('timestamp');
    await client.refresh();
    repository.publishAs('timestamp', old);

    expect(await client.refresh()).toBe('trust/rollback');
    expect(client.trusted().timestamp).toBe(2);
  });

  it.each([false, true])(
    'refuses a newer timestamp that names an older snapshot (hashes: %s)',
    async (hashes) => {
      const repository = new RepositorySimulator();
      repository.listsHashes = hashes;
      repository.publish('snapshot', 'timestamp');
      const client = await newClient(repository);
      await client.refresh();
      repository.withdraw('snapshot');
      repository.snapshot.version = 1;
      repository.publish('snapshot', 'timestamp');

      expect(await client.refresh()).toBe('trust/rollback');
      expect(client.trusted()).toMatchObject({ timestamp: 2, snapshot: 2 });
      expect(repository.requests.at(-1)).toBe('timestamp');
    },
  );

  it.each([false, true])('refuses a newer snapshot that lists older targets (hashes: %s)', async (hashes) => {
    const repository = new RepositorySimulator();
    repository.listsHashes = hashes;
    repository.publish(...ALL);
    const client = await newClient(repository);
    await client.refresh();
    repository.withdraw('targets');
    repository.targets.version = 1;
    repository.publish(...ALL);

    expect(await client.refresh()).toBe('trust/rollback');
    expect(client.trusted()).toEqual({ root: 1, timestamp: 3, snapshot: 2, targets: 2 });
  });

  it('refuses a snapshot that no longer lists a role', async () => {
    const repository = new RepositorySimulator();
    repository.delegate('targets', 'security');
    repository.publish('security', ...ALL);
    const client = await newClient(repository);
    await client.refresh();
    delete repository.snapshot.meta['security.json'];
    repository.publish('snapshot', 'timestamp');

    expect(await client.refresh()).toBe('trust/role-removed');
    expect(client.trusted().snapshot).toBe(2);
  });

  it('remembers a snapshot it could not follow: the versions in it still count', async () => {
    const { repository, client } = await refreshed();
    repository.publish(...ALL);
    repository.failures.set('targets 2', 404);
    expect(await client.refresh()).toBe('transport/refused');
    repository.withdraw('targets');
    repository.targets.version = 1;
    repository.publish(...ALL);

    expect(await client.refresh()).toBe('trust/rollback');
    expect(client.trusted()).toEqual({ root: 1, timestamp: 3, snapshot: 2, targets: 1 });
  });

  it.each([
    ['timestamp', { timestamp: 2, snapshot: 1, targets: 1 }],
    ['snapshot', { timestamp: 3, snapshot: 2, targets: 2 }],
  ])('stay refused when the trusted %s has expired', async (role, trusted) => {
    const repository = new RepositorySimulator();
    const old = repository.current('timestamp');
    const { expires } = repository.signed.get(role);
    repository.signed.get(role).expires = '2026-06-08T00:00:00Z';
    repository.publish(...(role === 'snapshot' ? ALL : [role]));
    const client = await newClient(repository);
    expect(await client.refresh()).toBe('ok');
    repository.signed.get(role).expires = expires;
    repository.withdraw('targets');
    repository.targets.version = 1;
    repository.publish(...ALL);
    if (role === 'timestamp') repository.publishAs('timestamp', old);

    expect(await client.refresh(NOW + 18 * DAY_MS)).toBe('trust/rollback');
    expect(client.trusted()).toEqual({ root: 1, ...trusted });
  });
});

describe('mix-and-match attacks', () => {
  it('refuses targets whose hash is not the listed one', async () => {
    const repository = new RepositorySimulator();
    repository.listsHashes = true;
    repository.publish(...ALL);
    const client = await newClient(repository);
    expect(await client.refresh()).toBe('ok');
    repository.publish('targets');
    repository.snapshot.meta['targets.json'].hashes.sha256 = hashOf('sha256', Buffer.from('else'));
    repository.publish('snapshot', 'timestamp');

    expect(await client.refresh()).toBe('trust/hash-mismatch');
    expect(client.trusted()).toMatchObject({ snapshot: 3, targets: 2 });
  });

  it.each(['snapshot', 'targets'])(
    'reads a bounded %s, whatever length the online keys sign',
    async (role) => {
      const repository = new RepositorySimulator();
      const listed = role === 'snapshot' ? repository.timestamp : repository.snapshot;
      listed.meta[`${role}.json`].length = Number.MAX_SAFE_INTEGER;
      repository.publish(...(role === 'snapshot' ? [] : ['snapshot']), 'timestamp');
      const caps: number[] = [];
      const get: RepositorySimulator['get'] = (url, options) => {
        caps.push(options.maxBytes);
        return repository.get(url, options);
      };
      const { store } = await newClient(repository);
      const updater = await Updater.open({ store, source: createHttpSource(REPOSITORY_URLS, { get }) });

      expect((await rejectionOf(updater.refresh(NOW))).code).toBe('trust/length-mismatch');

      expect(Math.max(...caps)).toBeLessThanOrEqual(32 << 20);
    },
  );

  it('refuses a snapshot of another length than listed', async () => {
    const repository = new RepositorySimulator();
    repository.listsHashes = true;
    repository.publish(...ALL);
    repository.timestamp.meta['snapshot.json'].length += 1;
    repository.publish('timestamp');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/length-mismatch');
  });

  it.each([
    ['snapshot', { root: 1, timestamp: 2 }],
    ['targets', { root: 1, timestamp: 2, snapshot: 2 }],
  ])('refuses a %s that claims another version than its name', async (role, trusted) => {
    const repository = new RepositorySimulator();
    repository.publish(...ALL);
    const [first] = repository.published.get(role)!;
    repository.published.set(role, [first!, first!]);
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/version-mismatch');
    expect(client.trusted()).toEqual(trusted);
  });

  it('fetches the snapshot again when the timestamp names other bytes under its version', async () => {
    const repository = new RepositorySimulator();
    repository.listsHashes = true;
    repository.publish(...ALL);
    const client = await newClient(repository);
    await client.refresh();
    const versions = repository.published.get('snapshot')!;
    repository.snapshot['x-note'] = 'signed again';
    repository.publish('targets');
    repository.withdraw('snapshot');
    repository.publish('snapshot');
    const again = repository.current('snapshot');
    repository.published.set('snapshot', [versions[0]!, again]);
    repository.publish('timestamp');

    expect(await client.refresh()).toBe('ok');
    expect(client.store.files.get('snapshot.json')).toEqual(again);
    expect(client.trusted()).toEqual({ root: 1, timestamp: 3, snapshot: 2, targets: 3 });
  });

  it('does not follow a snapshot that the timestamp does not name', async () => {
    const { repository, client } = await refreshed();
    repository.publish('snapshot');
    repository.timestamp.meta['snapshot.json'].version = 1;
    repository.publish('timestamp');

    expect(await client.refresh()).toBe('ok');
    expect(client.trusted()).toEqual({ root: 1, timestamp: 2, snapshot: 1, targets: 1 });
  });
});

describe('freeze attacks', () => {
  it.each([
    ['timestamp', { timestamp: 1, snapshot: 1, targets: 1 }],
    ['snapshot', { timestamp: 2, snapshot: 1, targets: 1 }],
    ['targets', { timestamp: 2, snapshot: 2, targets: 1 }],
  ])('refuses a new but expired %s', async (role, trusted) => {
    const { repository, client } = await refreshed();
    repository.signed.get(role).expires = '2026-05-27T00:00:00Z';
    repository.publish(...ALL);

    expect(await client.refresh()).toBe('trust/expired');
    expect(client.trusted()).toEqual({ root: 1, ...trusted });
  });

  it.each(['timestamp', 'snapshot', 'targets'])('reports a trusted %s that expires', async (role) => {
    const repository = new RepositorySimulator();
    repository.signed.get(role).expires = '2026-06-02T00:00:00Z';
    repository.publish(...ALL);
    const client = await newClient(repository);

    expect(await client.refresh(NOW)).toBe('ok');
    expect(await client.refresh(NOW + DAY_MS)).toBe('trust/expired');
  });

  it('is not fooled by a clock set back before the timestamp was signed', async () => {
    const repository = new RepositorySimulator();
    repository.timestamp.signed_at = '2026-06-01T00:00:00Z';
    repository.snapshot.expires = '2026-05-20T00:00:00Z';
    repository.publish(...ALL);
    const client = await newClient(repository);

    expect(await client.refresh(NOW - 20 * DAY_MS)).toBe('trust/expired');
    expect(client.trusted()).toEqual({ root: 1, timestamp: 2 });
  });

  it('recovers from a signing time in the far future once the key that signed it is gone', async () => {
    const { repository, client } = await refreshed();
    repository.timestamp.signed_at = '2099-01-01T00:00:00Z';
    repository.timestamp.expires = '2099-02-01T00:00:00Z';
    repository.publish('timestamp');
    expect(await client.refresh()).toBe('trust/expired');

    repository.setKeys('timestamp', [newKey()]);
    repository.timestamp.signed_at = '2026-06-01T00:00:00Z';
    repository.timestamp.expires = '2026-06-30T00:00:00Z';
    repository.publish('root', 'timestamp');

    expect(await client.refresh()).toBe('ok');
  });
});

describe('files that are not there', () => {
  it.each([
    ['timestamp', 'timestamp', { timestamp: 1, snapshot: 1, targets: 1 }],
    ['snapshot', 'snapshot 2', { timestamp: 2, snapshot: 1, targets: 1 }],
    ['targets', 'targets 2', { timestamp: 2, snapshot: 2, targets: 1 }],
  ])('a missing %s ends the refresh; what came before stays', async (_role, name, trusted) => {
    const { repository, client } = await refreshed();
    repository.publish(...ALL);
    repository.failures.set(name, 404);

    expect(await client.refresh()).toBe('transport/refused');
    expect(repository.requests.at(-1)).toBe(name);
    expect(client.trusted()).toEqual({ root: 1, ...trusted });

    repository.failures.clear();
    expect(await client.refresh()).toBe('ok');
    expect(client.trusted()).toEqual({ root: 1, timestamp: 2, snapshot: 2, targets: 2 });
  });
});
