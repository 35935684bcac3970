// Kills, power cuts and damage: trust never moves back, and the next start always gets on.
import { describe, expect, it } from 'vitest';
import { startFrom } from '../../../../agent/engine/repository/root-chain.ts';
import { Killed, MemoryTrustStore, versionIn } from '../../../support/memory-trust-store.ts';
import { NOW, newKey, RepositorySimulator } from '../../../support/repository-simulator.ts';
import { clientOf, newClient, openUpdater, type TrustClient } from '../../../support/trust-client.ts';

const ROLES = ['root', 'timestamp', 'snapshot', 'targets'];
const LATEST = { root: 4, timestamp: 3, snapshot: 3, targets: 3, team: 2 };

/** A client that trusts version 2 of everything, and a repository two roots and one of all else ahead. */
async function behind() {
  const repository = new RepositorySimulator();
  repository.listsHashes = true;
  repository.delegate('targets', 'team');
  repository.addTarget('team', 'file', 'old');
  repository.publish('team', 'targets', 'snapshot', 'timestamp', 'root');
  repository.publish('team', 'targets', 'snapshot', 'timestamp');
  repository.published.set('timestamp', repository.published.get('timestamp')!.slice(0, 2));
  const client = await newClient(repository);
  expect(await client.find('file')).toBe('found');
  repository.publish('root', 'root');
  repository.withdraw('timestamp');
  repository.timestamp.version = 3;
  repository.publish('timestamp');
  return { repository, client };
}

/** The trusted root as the next start finds it: root.json, or what the history knows better. */
function rootIn(store: MemoryTrustStore): number {
  const versions = [...store.files.keys()].flatMap((name) => /(\d+)\.root\.json$/.exec(name)?.[1] ?? []);
  return Math.max(...versions.map(Number), versionIn(store, 'root') ?? 0);
}

describe('a kill before any write of a refresh', () => {
  it('leaves what the next start accepts, and moves nothing back', async () => {
    const { repository, client } = await behind();
    const whole = clientOf(repository, new MemoryTrustStore(client.store.files));
    expect(await whole.find('file')).toBe('found');
    expect(whole.trusted()).toEqual(LATEST);
    expect(whole.store.effects).toBeGreaterThanOrEqual(8);

    for (let killAt = 0; killAt < whole.store.effects; killAt++) {
      const store = new MemoryTrustStore(client.store.files);
      store.killAt = killAt;
      await expect(clientOf(repository, store).find('file')).rejects.toThrow(Killed);
      for (const role of ROLES)
        expect(versionIn(store, role)).toBeGreaterThanOrEqual(versionIn(client.store, role)!);

      const after = clientOf(repository, new MemoryTrustStore(store.files));
      expect(await after.find('file')).toBe('found');
      expect(after.trusted()).toEqual(LATEST);
    }
  });

  it('keeps protecting against rollback with what was written last', async () => {
    const { repository, client } = await behind();
    const old = repository.published.get('root')![1]!;
    const store = new MemoryTrustStore(client.store.files);
    // history 3, root 3, history 4, then nothing any more.
    store.killAt = 3;
    await expect(clientOf(repository, store).refresh()).rejects.toThrow(Killed);
    expect(versionIn(store, 'root')).toBe(3);

    // The server now denies that version 4 was ever there.
    repository.published.set('root', [repository.initialRoot(), old]);
    const after = clientOf(repository, new MemoryTrustStore(store.files));
    await after.refresh();

    expect(rootIn(after.store)).toBe(4);
    expect(after.trusted().root).toBe(4);
  });
});

describe('a recovery from a fast-forward attack', () => {
  /** The attacker held the online keys and signed version 1000 of both; the vendor replaces some of them. */
  async function attacked(...rotated: readonly string[]) {
    const repository = new RepositorySimulator();
    const client = await newClient(repository);
    repository.snapshot.version = 999;
    repository.publish('snapshot');
    repository.published.set('snapshot', Array(1000).fill(repository.current('snapshot')));
    repository.timestamp.version = 999;
    repository.publish('timestamp');
    expect(await client.refresh()).toBe('ok');
    for (const role of rotated) repository.setKeys(role, [newKey()]);
    repository.publish('root');
    for (const role of ['snapshot', 'timestamp']) {
      repository.withdraw(role);
      repository.signed.get(role).version = 1;
    }
    repository.publish('snapshot', 'timestamp');
    return { repository, client };
  }

  it('starts anew when both keys are replaced', async () => {
    const { client } = await attacked('snapshot', 'timestamp');

    expect(await client.refresh()).toBe('ok');
    expect(client.trusted()).toEqual({ root: 2, timestamp: 1, snapshot: 1, targets: 1 });
  });

  it.each(['snapshot', 'timestamp'])('forgets both files when only the %s key is replaced', async (role) => {
    const { client } = await attacked(role);

    expect(await client.refresh()).toBe('ok');
    expect(client.trusted()).toEqual({ root: 2, timestamp: 1, snapshot: 1, targets: 1 });
  });

  it('takes a targets role back to the version that a new snapshot key lists', async () => {
    const repository = new RepositorySimulator();
    const client = await newClient(repository);
    repository.targets.version = 999;
    repository.publish('targets');
    repository.published.set('targets', Array(1000).fill(repository.current('targets')));
    repository.publish('snapshot', 'timestamp');
    expect(await client.refresh()).toBe('ok');
    repository.setKeys('snapshot', [newKey()]);
    repository.withdraw('targets');
    repository.targets.version = 1;
    repository.publish('root', 'targets', 'snapshot', 'timestamp');

    expect(await client.refresh()).toBe('ok');
    expect(client.trusted()).toEqual({ root: 2, timestamp: 3, snapshot: 3, targets: 1 });
  });

  it('needs the root: without a new key the versions stay refused', async () => {
    const { client } = await attacked();

    expect(await client.refresh()).toBe('trust/rollback');
  });

  it('is finished after a kill before any of its writes', async () => {
    const { repository, client } = await attacked('snapshot');
    const whole = clientOf(repository, new MemoryTrustStore(client.store.files));
    await whole.refresh();

    for (let killAt = 0; killAt < whole.store.effects; killAt++) {
      const store = new MemoryTrustStore(client.store.files);
      store.killAt = killAt;
      await expect(clientOf(repository, store).refresh()).rejects.toThrow(Killed);

      const after = clientOf(repository, new MemoryTrustStore(store.files));
      expect(await after.refresh()).toBe('ok');
      expect(after.trusted()).toEqual({ root: 2, timestamp: 1, snapshot: 1, targets: 1 });
    }
  });

  it('also frees a process that goes on running when a later root is bad', async () => {
    const { repository, client } = await attacked('snapshot', 'timestamp');
    const updater = await openUpdater(repository, client.store);
    repository.publishAs('root', Buffer.from('{}'));
    await expect(updater.refresh(NOW)).rejects.toMatchObject({ code: 'trust/malformed' });
    repository.published.set('root', repository.published.get('root')!.slice(0, 2));

    await updater.refresh(NOW);

    expect(client.trusted().timestamp).toBe(1);
  });

  it('is not started by a key that is only added', async () => {
    const repository = new RepositorySimulator();
    const client = await newClient(repository);
    repository.publish('timestamp');
    await client.refresh();
    repository.setKeys('timestamp', [...repository.signers.get('timestamp')!, newKey()]);
    repository.publish('root');
    repository.withdraw('timestamp');
    repository.timestamp.version = 1;
    repository.publish('timestamp');

    expect(await client.refresh()).toBe('trust/rollback');
  });
});

describe('damage on disk', () => {
  const broken = Buffer.from('{"signatures":[],"sig');

  it.each(['timestamp.json', 'snapshot.json', 'targets.json', 'team.json'])(
    'of %s is made good from the network',
    async (file) => {
      const { client } = await behind();
      client.store.files.set(file, broken);

      expect(await client.find('file')).toBe('found');
      expect(client.trusted()).toEqual(LATEST);
    },
  );

  it('of timestamp.json does not open the way back to an older snapshot', async () => {
    const { repository, client } = await behind();
    await client.refresh();
    client.store.files.set('timestamp.json', broken);
    repository.withdraw('timestamp');
    repository.timestamp.version = 2;
    repository.timestamp.meta['snapshot.json'] = { version: 2 };
    repository.publish('timestamp');

    expect(await client.refresh()).toBe('trust/rollback');
    expect(client.trusted().snapshot).toBe(3);
  });

  it('of root.json does not take trust back: the kept roots say what it was', async () => {
    const { repository, client } = await behind();
    await client.refresh();
    client.store.files.set('root.json', broken);
    repository.published.set('root', [repository.initialRoot()]);

    expect(await client.refresh()).toBe('ok');
    expect(client.trusted().root).toBe(4);
  });

  it('of root.json and a kept root goes back no further than it must', async () => {
    const { repository, client } = await behind();
    await client.refresh();
    client.store.files.set('root.json', broken);
    client.store.files.set('root_history/4.root.json', broken);

    expect(await client.refresh()).toBe('ok');
    expect(client.trusted().root).toBe(4);
    expect(client.store.files.get('root_history/4.root.json')).toEqual(repository.current('root'));
  });

  it('of a kept root that runs ahead is passed over', async () => {
    const { client } = await behind();
    client.store.files.set('root_history/3.root.json', broken);

    expect(await client.refresh()).toBe('ok');
    expect(client.trusted().root).toBe(4);
  });

  it('of everything that names a root leaves nothing to trust, and nothing is asked for', async () => {
    const { repository, client } = await behind();
    repository.requests.length = 0;
    for (const name of client.store.files.keys()) client.store.files.set(name, broken);

    expect(await client.refresh()).toBe('trust/no-root');
    expect(repository.requests).toEqual([]);
  });
});

describe('the first root', () => {
  it.each<[string, (metadata: ReturnType<typeof JSON.parse>) => void, string]>([
    ['without a version', (root) => delete root.signed.version, 'trust/malformed'],
    [
      'that its own keys did not sign',
      (root) => (root.signatures[0].sig = '00'.repeat(64)),
      'trust/threshold',
    ],
    [
      'changed after it was signed',
      (root) => (root.signed.expires = '2040-01-01T00:00:00Z'),
      'trust/threshold',
    ],
  ])('%s is refused and not kept', async (_name, change, code) => {
    const metadata = JSON.parse(Buffer.from(new RepositorySimulator().initialRoot()).toString());
    change(metadata);
    const store = new MemoryTrustStore();

    const attempt = startFrom(store, Buffer.from(JSON.stringify(metadata)));

    await expect(attempt).rejects.toMatchObject({ code });
    expect(store.files.size).toBe(0);
  });

  it('may have expired: the walk begins there', async () => {
    const repository = new RepositorySimulator();
    repository.withdraw('root');
    repository.root.expires = '2020-01-01T00:00:00Z';
    repository.publish('root');
    repository.root.expires = '2027-01-01T00:00:00Z';
    repository.publish('root');
    const client: TrustClient = await newClient(repository);

    expect(await client.refresh()).toBe('ok');
  });
});
