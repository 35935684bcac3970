// What a refresh does in which order: nothing is acted on before it is durable, and nothing is forgotten before its successor stands.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createHttpSource } from '../../../../agent/adapters/repository/http-source.ts';
import { createMetadataSource } from '../../../../agent/engine/repository/metadata-source.ts';
import { createRepository } from '../../../../agent/engine/repository/repository.ts';
import { advanceRoot, loadRoot, startFrom } from '../../../../agent/engine/repository/root-chain.ts';
import { TOP_LEVEL_TARGETS } from '../../../../shared/trust/delegation.ts';
import { verifyTargets } from '../../../../shared/trust/rules.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { Killed, MemoryTrustStore, versionIn } from '../../../support/memory-trust-store.ts';
import { NOW, newKey, REPOSITORY_URLS, RepositorySimulator } from '../../../support/repository-simulator.ts';
import { clientOf, newClient, openUpdater } from '../../../support/trust-client.ts';

describe('the listed length of a file', () => {
  it.each(['snapshot', 'targets'])('is all that is read of a %s', async (role) => {
    const caps = new Map<string, number>();
    const source = createMetadataSource({
      metadata: async (file, { maxBytes }) => {
        caps.set(file, maxBytes);
        return { kind: 'body', bytes: new Uint8Array(), etag: null };
      },
    });
    const meta = { version: 3, length: 1234, hashes: null };

    await (role === 'snapshot' ? source.snapshot(meta, true) : source.targets('targets', meta, true));

    expect([...caps]).toEqual([[`3.${role}.json`, 1234]]);
  });

  it('is passed on to the network as the cap', async () => {
    const repository = new RepositorySimulator();
    repository.listsHashes = true;
    repository.publish('targets', 'snapshot', 'timestamp');
    const caps: number[] = [];
    const source = createHttpSource(REPOSITORY_URLS, {
      get: (url, options) => {
        if (url.includes('targets.json')) caps.push(options.maxBytes);
        return repository.get(url, options);
      },
    });
    const { store } = await newClient(repository);
    const { Updater } = await import('../../../../agent/engine/repository/updater.ts');

    await (await Updater.open({ store, source })).refresh(NOW);

    expect(caps).toEqual([repository.current('targets').length]);
  });
});

describe('a disk that lost its timestamp', () => {
  it('still forbids an older snapshot, by the one it kept', async () => {
    const repository = new RepositorySimulator();
    repository.publish('snapshot', 'timestamp');
    const client = await newClient(repository);
    await client.refresh();
    client.store.files.delete('timestamp.json');
    repository.withdraw('snapshot');
    repository.snapshot.version = 1;
    repository.publish('snapshot', 'timestamp');

    expect(await client.refresh()).toBe('trust/rollback');
    expect(client.trusted()).toMatchObject({ snapshot: 2 });
  });
});

describe('a timestamp that cannot be made durable', () => {
  it('lets no refresh succeed, not even one that finds nothing newer, until it is', async () => {
    const repository = new RepositorySimulator();
    const { store } = await newClient(repository);
    const updater = await openUpdater(repository, store);
    await updater.refresh(NOW);
    repository.publish('snapshot', 'timestamp');
    store.killAt = store.effects;

    for (let time = 0; time < 2; time++) await expect(updater.refresh(NOW)).rejects.toBeInstanceOf(Killed);
    expect(versionIn(store, 'timestamp')).toBe(1);
    store.killAt = Number.POSITIVE_INFINITY;
    await updater.refresh(NOW);

    expect(versionIn(store, 'timestamp')).toBe(2);
  });

  it('is not taken back by what fails after it', async () => {
    const repository = new RepositorySimulator();
    const client = await newClient(repository);
    repository.failures.set('snapshot 1', 404);

    expect(await client.refresh()).toBe('transport/refused');

    expect(client.trusted()).toEqual({ root: 1, timestamp: 1 });
  });
});

describe('a new root beside a disk that does not read', () => {
  it('lets nothing count that was verified under the root before, until the disk says what there is', async () => {
    const repository = new RepositorySimulator();
    const { store } = await newClient(repository);
    const updater = await openUpdater(repository, store);
    await updater.refresh(NOW);
    repository.setKeys('timestamp', [...(repository.signers.get('timestamp') ?? []), newKey()], 2);
    repository.publish('root');
    const read = store.read.bind(store);
    store.read = async (file) => {
      if (file === 'timestamp.json') throw new Error('the disk does not read');
      return await read(file);
    };

    for (let time = 0; time < 2; time++) {
      await expect(updater.refresh(NOW)).rejects.toThrow('the disk does not read');
      expect([updater.topLevel.root.version, updater.topLevel.snapshot, updater.tree]).toEqual([
        2,
        null,
        null,
      ]);
    }
    store.read = read;

    // The very bytes that were trusted: one signature, where the new root wants two.
    expect(await rejectionOf(updater.refresh(NOW))).toMatchObject({ code: 'trust/threshold' });
    repository.publish('timestamp');
    await updater.refresh(NOW);
    expect(updater.topLevel.timestamp?.version).toBe(2);
  });
});

describe('the list that the disk has', () => {
  it('is verified while the network is waited for', async () => {
    const repository = new RepositorySimulator();
    const client = await newClient(repository);
    await client.refresh();
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const network = createHttpSource(REPOSITORY_URLS, repository);
    const source: typeof network = {
      ...network,
      metadata: async (...question) => {
        await answered;
        return await network.metadata(...question);
      },
    };
    const { Updater } = await import('../../../../agent/engine/repository/updater.ts');
    const updater = await Updater.open({ store: client.store, source });

    const refreshed = updater.refresh(NOW);
    for (let turn = 0; turn < 2; turn++) await setImmediate();
    const before = updater.tree?.lookUp(TOP_LEVEL_TARGETS)?.version;
    answer();
    await refreshed;

    expect(before).toBe(1);
  });

  it('is verified behind an answer that has come already', async () => {
    const repository = new RepositorySimulator();
    const client = await newClient(repository);
    await client.refresh();
    const order: string[] = [];
    const network = createHttpSource(REPOSITORY_URLS, repository);
    const source: typeof network = {
      ...network,
      metadata: async (file, options) => {
        order.push(file);
        return await network.metadata(file, options);
      },
    };
    const { Updater } = await import('../../../../agent/engine/repository/updater.ts');
    const updater = await Updater.open({
      store: client.store,
      source,
      verifyTargets: async (...file) => {
        order.push(`verified ${file[0]}`);
        return verifyTargets(...file);
      },
    });

    await updater.refresh(NOW);

    expect(order).toEqual(['2.root.json', 'timestamp.json', 'verified targets']);
  });
});

describe('a repository', () => {
  it('is opened once for all who ask meanwhile: another one beside it would not know what this one trusts', async () => {
    const simulator = new RepositorySimulator();
    const { store } = await newClient(simulator);
    let opened = 0;
    const repository = createRepository({
      openStore: async () => {
        opened += 1;
        return store;
      },
      source: createHttpSource(REPOSITORY_URLS, simulator),
      initialRoot: simulator.initialRoot(),
      onWarning: () => undefined,
    });

    await Promise.all([repository.catalog(), repository.refresh(NOW)]);

    expect(opened).toBe(1);
  });
});

describe('a role below', () => {
  it('is durable when the refresh of all roles ends, and when a target was looked for', async () => {
    const repository = new RepositorySimulator();
    repository.delegate('targets', 'team');
    repository.addTarget('team', 'file', 'content');
    repository.publish('team', 'targets', 'snapshot', 'timestamp');
    const [walked, looked] = [await newClient(repository), await newClient(repository)];

    const updater = await openUpdater(repository, walked.store);
    await updater.refresh(NOW);
    expect(await updater.refreshDelegates(NOW)).toEqual([]);
    await looked.find('file');

    expect([walked.trusted().team, looked.trusted().team]).toEqual([1, 1]);
  });

  it('that cannot be made durable is a failure of that refresh', async () => {
    const repository = new RepositorySimulator();
    repository.delegate('targets', 'team');
    repository.publish('team', 'targets', 'snapshot', 'timestamp');
    const { store } = await newClient(repository);
    const updater = await openUpdater(repository, store);
    await updater.refresh(NOW);
    store.killAt = store.effects;

    expect(await updater.refreshDelegates(NOW)).toEqual([expect.any(Killed)]);
  });
});

describe('a root', () => {
  it('is durable before the one after it is believed', async () => {
    const repository = new RepositorySimulator();
    const { store } = await newClient(repository);
    const updater = await openUpdater(repository, store);
    repository.publish('root', 'root', 'root');
    // The history of the second; of the third nothing may enter then.
    store.killAt = store.effects;

    await expect(updater.refresh(NOW)).rejects.toBeInstanceOf(Killed);

    expect(updater.topLevel.root.version).toBe(2);
    expect(repository.requests).not.toContain('root 4');
  });

  it('is not believed before the one that an earlier refresh could not write', async () => {
    const repository = new RepositorySimulator();
    const { store } = await newClient(repository);
    const updater = await openUpdater(repository, store);
    repository.publish('root', 'root');
    store.killAt = store.effects;
    const refused = async () => {
      await expect(updater.refresh(NOW)).rejects.toBeInstanceOf(Killed);
      return updater.topLevel.root.version;
    };

    expect([await refused(), await refused()]).toEqual([2, 2]);

    store.killAt = Number.POSITIVE_INFINITY;
    await updater.refresh(NOW);
    expect(updater.topLevel.root.version).toBe(3);
  });
});

describe('a recovery that is killed', () => {
  it.each([0, 1, 2, 3])('before effect %i keeps the old files or stands on the new root', async (effects) => {
    const repository = new RepositorySimulator();
    const store = new MemoryTrustStore();
    await startFrom(store, repository.initialRoot());
    await clientOf(repository, store).refresh();
    repository.setKeys('timestamp', [newKey()]);
    repository.publish('root');
    store.killAt = store.effects + effects;

    await advanceRoot(store, await loadRoot(store), repository.current('root'));
    await expect(store.flush()).rejects.toBeInstanceOf(Killed);

    const hasOld = ['timestamp.json', 'snapshot.json'].every((file) => store.files.has(file));
    const root = await loadRoot(new MemoryTrustStore(store.files));
    expect(hasOld || root.version === 2).toBe(true);
    expect(store.files.has('root_history/2.root.json')).toBe(effects > 0);
    expect(root.version).toBe(effects > 0 ? 2 : 1);
  });
});

it('names a refusal by what was asked for', async () => {
  const repository = new RepositorySimulator();
  const client = await newClient(repository);
  repository.failures.set('snapshot 1', 404);

  const refusal = await rejectionOf((await openUpdater(repository, client.store)).refresh(NOW));

  expect(refusal.message).toContain('1.snapshot.json');
});
