// Delegations: in which order roles are asked, who may speak for a path, and what hostile delegators cannot do.
import { describe, expect, it } from 'vitest';
import { DAY_MS, NOW, newKey, RepositorySimulator } from '../../../support/repository-simulator.ts';
import { newClient, openUpdater } from '../../../support/trust-client.ts';

type Edge = readonly [delegator: string, role: string, options?: { paths?: string[]; terminating?: boolean }];

/** Publishes a graph of delegations; every role is published once. */
function withDelegations(...edges: readonly Edge[]): RepositorySimulator {
  const repository = new RepositorySimulator();
  const keys = new Map<string, ReturnType<typeof newKey>>();
  for (const [delegator, role, options] of edges) {
    const key = keys.get(role) ?? newKey();
    keys.set(role, key);
    repository.delegate(delegator, role, { ...options, keys: [key] });
  }
  return repository;
}

function publishAll(repository: RepositorySimulator): void {
  const delegates = [...repository.signed.keys()].filter(
    (role) => !['root', 'timestamp', 'snapshot', 'targets'].includes(role),
  );
  repository.publish(...delegates, 'targets', 'snapshot', 'timestamp');
}

/** The delegated roles asked for while looking for a path, and whether it was found. */
async function search(repository: RepositorySimulator, path: string) {
  publishAll(repository);
  const client = await newClient(repository);
  const outcome = await client.find(path);
  return { outcome, visited: repository.requests.slice(4).map((name) => name.split(' ')[0]) };
}

describe('the search', () => {
  it.each<[string, Edge[], string[]]>([
    ['asks one delegate', [['targets', 'A']], ['A']],
    [
      'asks delegates in order',
      [
        ['targets', 'A'],
        ['targets', 'B'],
      ],
      ['A', 'B'],
    ],
    [
      'goes down a level',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['B', 'C'],
      ],
      ['A', 'B', 'C'],
    ],
    [
      'goes deep before it goes wide',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['A', 'C'],
        ['A', 'D'],
      ],
      ['A', 'C', 'D', 'B'],
    ],
    [
      'goes three levels deep',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['A', 'C'],
        ['C', 'D'],
      ],
      ['A', 'C', 'D', 'B'],
    ],
    [
      'ends after a terminating delegation, in its delegator and above',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['A', 'C', { terminating: true }],
        ['A', 'D'],
      ],
      ['A', 'C'],
    ],
    [
      'still asks the descendants of a terminating delegation',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['A', 'C', { terminating: true }],
        ['C', 'D'],
      ],
      ['A', 'C', 'D'],
    ],
    [
      'leaves out branches whose paths do not match',
      [
        ['targets', 'A', { paths: ['*.py'] }],
        ['targets', 'B'],
        ['A', 'C'],
      ],
      ['B'],
    ],
    [
      'is not ended by a terminating delegation for other paths',
      [
        ['targets', 'A', { paths: ['*.py'], terminating: true }],
        ['targets', 'B'],
      ],
      ['B'],
    ],
    [
      'ends in a cycle',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['B', 'C'],
        ['C', 'D'],
        ['D', 'B'],
      ],
      ['A', 'B', 'C', 'D'],
    ],
    [
      'asks a role once that two delegators name',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['B', 'C'],
        ['A', 'C'],
      ],
      ['A', 'C', 'B'],
    ],
    [
      'asks it through the delegator whose paths match',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['B', 'C'],
        ['A', 'C', { paths: ['*.py'] }],
      ],
      ['A', 'B', 'C'],
    ],
  ])('%s', async (_name, edges, visited) => {
    expect(await search(withDelegations(...edges), 'missing')).toEqual({ outcome: 'absent', visited });
  });

  it.each<[string, string, string[]]>([
    ['targetfile', 'found', []],
    ['README.md', 'found', ['A']],
    ['releases/x/x_v1', 'found', ['B', 'C']],
    ['releases/y/y_v1.zip', 'found', ['B', 'D']],
    ['releases/z/z_v1.zip', 'absent', ['B']],
  ])('for %s', async (path, outcome, visited) => {
    const repository = withDelegations(
      ['targets', 'A', { paths: ['*.doc', '*.md'] }],
      ['targets', 'B', { paths: ['releases/*/*'] }],
      ['B', 'C', { paths: ['releases/x/*'] }],
      ['B', 'D', { paths: ['releases/y/*.zip'] }],
    );
    repository.addTarget('targets', 'targetfile', 'by targets');
    repository.addTarget('A', 'README.md', 'by A');
    repository.addTarget('C', 'releases/x/x_v1', 'by C');
    repository.addTarget('D', 'releases/y/y_v1.zip', 'by D');
    repository.addTarget('D', 'releases/z/z_v1.zip', 'by D, which may not');

    expect(await search(repository, path)).toEqual({ outcome, visited });
  });

  it('visits a bounded number of roles', async () => {
    const repository = new RepositorySimulator();
    const key = newKey();
    for (let i = 0; i < 40; i++) repository.delegate('targets', `role-${i}`, { keys: [key] });

    const { outcome, visited } = await search(repository, 'missing');

    expect(outcome).toBe('absent');
    expect(visited).toHaveLength(31);
  });

  it('goes by the hash of the path where the delegation does', async () => {
    const repository = new RepositorySimulator();
    // SHA-256 of "in-a-bin" begins with 2, of "elsewhere" with 7.
    repository.delegate('targets', 'bin', { pathHashPrefixes: ['2', '8c'] });
    repository.addTarget('bin', 'in-a-bin', 'x');
    repository.addTarget('bin', 'elsewhere', 'x');

    expect((await search(repository, 'in-a-bin')).outcome).toBe('found');
    expect((await search(repository, 'elsewhere')).outcome).toBe('absent');
  });
});

describe('a delegated role', () => {
  async function delegated() {
    const repository = withDelegations(['targets', 'team']);
    repository.addTarget('team', 'file', 'content');
    publishAll(repository);
    return { repository, client: await newClient(repository) };
  }

  it('is not used when it has expired before it was ever seen', async () => {
    const { repository, client } = await delegated();
    repository.signed.get('team').expires = '2026-05-31T00:00:00Z';
    publishAll(repository);

    expect(await client.find('file')).toBe('trust/expired');
    expect(client.trusted()).toEqual({ root: 1, timestamp: 3, snapshot: 3, targets: 3 });
  });

  it('is not used any more once it expires', async () => {
    const { repository, client } = await delegated();
    repository.signed.get('team').expires = '2026-06-08T00:00:00Z';
    publishAll(repository);

    expect(await client.find('file')).toBe('found');
    expect(await client.find('file', NOW + 18 * DAY_MS)).toBe('trust/expired');
  });

  it('is used again in a newer version', async () => {
    const { repository, client } = await delegated();
    repository.signed.get('team').expires = '2026-06-08T00:00:00Z';
    publishAll(repository);
    await client.find('file');
    repository.signed.get('team').expires = '2026-06-25T00:00:00Z';
    publishAll(repository);

    expect(await client.find('file', NOW + 18 * DAY_MS)).toBe('found');
  });

  it('that its delegator did not authorise ends the search', async () => {
    const { repository, client } = await delegated();
    repository.signers.set('team', [newKey()]);
    publishAll(repository);

    expect(await client.find('file')).toBe('trust/threshold');
  });

  it('that the snapshot does not list is not asked for', async () => {
    const { repository, client } = await delegated();
    delete repository.snapshot.meta['team.json'];
    repository.publish('snapshot', 'timestamp');

    expect(await client.find('file')).toBe('trust/role-unlisted');
    expect(repository.requests).not.toContain('team 1');
  });

  it('loses what an older version listed', async () => {
    const { repository, client } = await delegated();
    expect(await client.find('file')).toBe('found');
    repository.signed.get('team').targets = {};
    publishAll(repository);

    expect(await client.find('file')).toBe('absent');
  });

  it('is not read again for a snapshot that says of it what the one before said', async () => {
    const { repository, client } = await delegated();
    const updater = await openUpdater(repository, client.store);
    await updater.refresh(NOW);
    await updater.findTarget('file', NOW);
    client.store.files.delete('team.json');
    repository.requests.length = 0;
    repository.publish('snapshot', 'timestamp');

    await updater.refresh(NOW);

    expect(await updater.findTarget('file', NOW)).not.toBeNull();
    expect(repository.requests).toEqual(['root 2', 'timestamp', 'snapshot 3']);
  });

  it.each([
    [
      'its delegator names another key',
      (repository: RepositorySimulator) => {
        const { keyid, key } = newKey();
        const { delegations } = repository.targets;
        delegations.keys = { [keyid]: key };
        delegations.roles[0].keyids = [keyid];
        repository.publish('targets', 'snapshot', 'timestamp');
      },
    ],
    [
      'the root names another key for its delegator',
      (repository: RepositorySimulator) => {
        repository.setKeys('targets', [newKey()]);
        repository.publish('root', 'snapshot', 'timestamp');
      },
    ],
  ])('is verified again in the same process when %s', async (_change, change) => {
    const { repository, client } = await delegated();
    const updater = await openUpdater(repository, client.store);
    await updater.refresh(NOW);
    await updater.findTarget('file', NOW);
    change(repository);

    const search = updater.refresh(NOW).then(() => updater.findTarget('file', NOW));

    await expect(search).rejects.toMatchObject({ code: 'trust/threshold' });
  });

  it('is verified for each delegator with the keys that this delegator names', async () => {
    const repository = new RepositorySimulator();
    repository.delegate('targets', 'A', { paths: ['a/*'] });
    repository.delegate('targets', 'B', { paths: ['b/*'] });
    repository.delegate('A', 'shared', { paths: ['a/*'] });
    repository.delegate('B', 'shared', { paths: ['b/*'] });
    repository.addTarget('shared', 'a/file', 'x');
    repository.addTarget('shared', 'b/file', 'x');
    publishAll(repository);
    const client = await newClient(repository);

    expect(await client.find('a/file')).toBe('found');
    expect(await client.find('b/file')).toBe('trust/threshold');
    expect(await client.find('a/file')).toBe('found');

    const updater = await openUpdater(repository, client.store);
    await updater.refresh(NOW);
    expect(await updater.findTarget('a/file', NOW)).not.toBeNull();
    await expect(updater.findTarget('b/file', NOW)).rejects.toMatchObject({ code: 'trust/threshold' });
  });

  it.each(['root', 'timestamp', 'snapshot', 'targets', ''])(
    'may not be called "%s": its file would replace another',
    async (name) => {
      const repository = new RepositorySimulator();
      repository.delegate('targets', 'team');
      repository.targets.delegations.roles[0].name = name;
      repository.publish('targets', 'snapshot', 'timestamp');
      const client = await newClient(repository);

      expect(await client.find('file')).toBe('trust/malformed');
      expect(client.trusted()).toEqual({ root: 1, timestamp: 2, snapshot: 2 });
    },
  );

  it.each(['?', '#', '/delegatedrole', '../delegatedrole', '..', '.', "it's (*) 100%", 'päckchen'])(
    'may be called "%s" and stays in its place',
    async (name) => {
      const repository = new RepositorySimulator();
      repository.delegate('targets', name);
      publishAll(repository);
      const client = await newClient(repository);

      expect(await client.find('missing')).toBe('absent');
      expect(repository.requests.at(-1)).toBe(`${name} 1`);
      expect(Object.keys(client.trusted())).toHaveLength(5);
      expect([...client.store.files.keys()].filter((file) => file.includes('/'))).toEqual([
        'root_history/1.root.json',
      ]);
    },
  );

  it('with a name no file can have is refused', async () => {
    const repository = new RepositorySimulator();
    repository.delegate('targets', 'x'.repeat(300));
    publishAll(repository);
    const client = await newClient(repository);

    expect(await client.find('missing')).toBe('trust/malformed');
  });
});
