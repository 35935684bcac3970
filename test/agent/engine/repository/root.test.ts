// The root role: quorum of old and new, one version at a time, and what a new root makes the client forget.
import { describe, expect, it } from 'vitest';
import type { SigningKey } from '../../../../shared/trust/key.ts';
import { DAY_MS, NOW, newKey, RepositorySimulator } from '../../../support/repository-simulator.ts';
import { newClient, openUpdater } from '../../../support/trust-client.ts';

interface RootVersion {
  readonly keys: readonly number[];
  readonly threshold: number;
  readonly sigs: readonly number[];
}

const keys = Array.from({ length: 10 }, newKey);
const pick = (indexes: readonly number[]): SigningKey[] => indexes.map((index) => keys[index]!);

/** Replaces a fresh repository's roots by these versions. */
function withRoots(versions: readonly RootVersion[]): RepositorySimulator {
  const repository = new RepositorySimulator();
  repository.withdraw('root');
  for (const { keys, threshold, sigs } of versions) {
    repository.setKeys('root', pick(keys), threshold);
    repository.signers.set('root', pick(sigs));
    repository.publish('root');
  }
  return repository;
}

const five = [0, 1, 2, 3, 4];

describe('a chain of roots is followed to its end', () => {
  it.each<[string, RootVersion[]]>([
    [
      'when the only key is replaced and both keys sign',
      [
        { keys: [1], threshold: 1, sigs: [1] },
        { keys: [2], threshold: 1, sigs: [2, 1] },
        { keys: [2], threshold: 1, sigs: [2] },
      ],
    ],
    [
      'when keys sign that nobody asked',
      [
        { keys: [1], threshold: 1, sigs: [3, 1, 4] },
        { keys: [2], threshold: 1, sigs: [3, 2, 1, 4] },
      ],
    ],
    [
      'when each version is signed by another three of five',
      [
        { keys: five, threshold: 3, sigs: [0, 2, 4] },
        { keys: five, threshold: 3, sigs: [0, 4, 1] },
        { keys: five, threshold: 3, sigs: [1, 2, 3] },
      ],
    ],
    [
      'when all five keys change over one step that both quorums sign',
      [
        { keys: five, threshold: 3, sigs: [0, 2, 4] },
        { keys: [5, 6, 7, 8, 9], threshold: 3, sigs: [0, 2, 4, 5, 6, 7] },
        { keys: [5, 6, 7, 8, 9], threshold: 3, sigs: [5, 6, 7] },
      ],
    ],
    [
      'when the threshold grows',
      [
        { keys: [1, 2], threshold: 1, sigs: [1] },
        { keys: [1, 2], threshold: 2, sigs: [1, 2] },
      ],
    ],
    [
      'when the threshold shrinks under the old quorum',
      [
        { keys: [1, 2, 3], threshold: 2, sigs: [1, 2] },
        { keys: [1, 2, 3], threshold: 1, sigs: [1, 2] },
        { keys: [1, 2, 3], threshold: 1, sigs: [3] },
      ],
    ],
  ])('%s', async (_name, versions) => {
    const repository = withRoots(versions);
    const client = await newClient(repository);

    const outcome = await client.refresh();

    expect(outcome).toBe('ok');
    expect(client.trusted().root).toBe(versions.length);
    expect(client.store.files.get('root.json')).toEqual(repository.current('root'));
  });
});

describe('a root is refused, and the one before it stays', () => {
  it.each<[string, RootVersion[]]>([
    [
      'when the old key did not sign',
      [
        { keys: [1], threshold: 1, sigs: [1] },
        { keys: [2], threshold: 1, sigs: [2, 3] },
      ],
    ],
    [
      'when the new key did not sign',
      [
        { keys: [1], threshold: 1, sigs: [1] },
        { keys: [2], threshold: 1, sigs: [1, 3] },
      ],
    ],
    [
      'when three of the old but two of the new signed',
      [
        { keys: five, threshold: 3, sigs: [0, 2, 4] },
        { keys: [0, 1, 3, 4, 5], threshold: 3, sigs: [0, 2, 4] },
      ],
    ],
    [
      'when three of the new but two of the old signed',
      [
        { keys: five, threshold: 3, sigs: [0, 2, 4] },
        { keys: [0, 1, 3, 4, 5], threshold: 3, sigs: [0, 4, 5] },
      ],
    ],
    [
      'when it raises the threshold above its own signatures',
      [
        { keys: [1, 2], threshold: 1, sigs: [1] },
        { keys: [1, 2], threshold: 2, sigs: [2] },
      ],
    ],
    [
      'when it lowers the threshold without the old quorum',
      [
        { keys: [1, 2], threshold: 2, sigs: [1, 2] },
        { keys: [1, 2], threshold: 1, sigs: [1] },
      ],
    ],
  ])('%s', async (_name, versions) => {
    const client = await newClient(withRoots(versions));

    const outcome = await client.refresh();

    expect(outcome).toBe('trust/threshold');
    expect(client.trusted()).toEqual({ root: versions.length - 1 });
  });

  it('when its version is not the next one', async () => {
    const repository = new RepositorySimulator();
    repository.root.version = 2;
    repository.publish('root');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/version-mismatch');
    expect(client.trusted()).toEqual({ root: 1 });
  });

  it('when the server repeats the trusted one as the next: nothing may pretend to be news', async () => {
    const repository = new RepositorySimulator();
    repository.publishAs('root', repository.initialRoot());
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/version-mismatch');
    expect(client.trusted()).toEqual({ root: 1 });
  });
});

describe('expiry of roots', () => {
  it('does not matter on the way', async () => {
    const repository = new RepositorySimulator();
    repository.root.expires = '2020-01-01T00:00:00Z';
    repository.publish('root');
    repository.root.expires = '2027-01-01T00:00:00Z';
    repository.publish('root');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('ok');
    expect(client.trusted().root).toBe(3);
  });

  it('stops the refresh at the last one, which is trusted all the same', async () => {
    const repository = new RepositorySimulator();
    repository.root.expires = '2026-05-31T00:00:00Z';
    repository.publish('root');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/expired');
    expect(client.trusted()).toEqual({ root: 2 });
  });

  it('is noticed at the very second', async () => {
    const repository = new RepositorySimulator();
    const client = await newClient(repository);
    const expires = NOW + 30 * DAY_MS;

    expect(await client.refresh(expires)).toBe('trust/expired');
    expect(await client.refresh(expires - 1)).toBe('ok');
  });
});

describe('how far one refresh goes', () => {
  it('is bounded, and the next one goes on from there', async () => {
    const repository = new RepositorySimulator();
    const client = await newClient(repository);
    for (let version = 2; version <= 300; version++) repository.publish('root');
    const updater = await openUpdater(repository, client.store);

    await updater.refresh(NOW);
    expect(client.trusted().root).toBe(257);

    await updater.refresh(NOW);
    expect(client.trusted().root).toBe(300);
  });

  it('treats an object store that forbids missing files as one that has none', async () => {
    const repository = new RepositorySimulator();
    repository.publish('root');
    repository.failures.set('root 2', 403);
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('ok');
    expect(client.trusted().root).toBe(1);
  });
});

describe('keys', () => {
  it('count once in a threshold, however many ids they are listed under', async () => {
    const repository = new RepositorySimulator();
    const [key] = repository.signers.get('snapshot')!;
    const aliases = ['alias-1', 'alias-2'];
    for (const alias of aliases) repository.root.keys[alias] = key!.key;
    repository.root.roles.snapshot = { keyids: [key!.keyid, ...aliases], threshold: 2 };
    const signers = aliases.map((keyid) => ({ ...key!, keyid: keyid as SigningKey['keyid'] }));
    repository.signers.set('snapshot', [key!, ...signers]);
    repository.publish('root', 'snapshot', 'timestamp');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/threshold');
    expect(client.trusted()).toEqual({ root: 2, timestamp: 2 });
  });

  it('count once when the role lists the same id many times', async () => {
    const repository = new RepositorySimulator();
    const [key] = repository.signers.get('snapshot')!;
    repository.root.roles.snapshot = { keyids: Array(6).fill(key!.keyid), threshold: 2 };
    repository.publish('root', 'snapshot', 'timestamp');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/threshold');
  });

  it('may carry an id that is not their hash, and fields nobody knows', async () => {
    const repository = new RepositorySimulator();
    const key = { ...newKey(), keyid: 'the-first-key' as SigningKey['keyid'] };
    repository.setKeys('snapshot', [key]);
    repository.root.keys[key.keyid] = { ...key.key, 'x-owner': 'someone' };
    repository.publish('root', 'snapshot', 'timestamp');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('ok');
  });

  it('that no longer suffice disown what they signed: it leaves the disk', async () => {
    const repository = new RepositorySimulator();
    const client = await newClient(repository);
    await client.refresh();
    for (const role of ['timestamp', 'snapshot']) {
      repository.setKeys(role, [...repository.signers.get(role)!, newKey()], 2);
    }
    repository.publish('root');
    repository.failures.set('timestamp', 404);

    expect(await client.refresh()).toBe('transport/refused');
    expect(client.trusted()).toEqual({ root: 2, targets: 1 });
  });

  it('of unknown types verify nothing and disturb nobody', async () => {
    const repository = new RepositorySimulator();
    repository.root.keys['post-quantum'] = { keytype: 'ml-dsa', scheme: 'ml-dsa-65', keyval: { data: 'AA' } };
    repository.root.roles.snapshot.keyids.push('post-quantum', 'listed-nowhere');
    repository.publish('root', 'snapshot', 'timestamp');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('ok');
  });

  it('too few for their threshold make a role that nobody can sign, not a root that nobody can trust', async () => {
    const repository = new RepositorySimulator();
    repository.root.roles.snapshot.threshold = 6;
    repository.publish('root', 'snapshot', 'timestamp');
    const client = await newClient(repository);

    expect(await client.refresh()).toBe('trust/threshold');
    expect(client.trusted()).toEqual({ root: 2, timestamp: 2 });
  });
});
