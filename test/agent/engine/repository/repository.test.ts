// The repository as the agent uses it: the catalog moves whole or not at all, and says how fresh it is.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Repository } from '../../../../agent/ports/server.ts';
import type { FairleadError } from '../../../../shared/errors/error.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { createRepository } from '../../../support/open-repository.ts';
import { DAY_MS, hashOf, NOW, newKey, RepositorySimulator } from '../../../support/repository-simulator.ts';

const HOUR_MS = 3_600_000;
const PLATFORM = 'platform/1.0.0.json';
const ROLLOUT = `rollouts/stable/${PLATFORM}`;
const ADVISORY = 'advisories/FL-2026-0001.json';

function platform(version: string) {
  const change = { id: 'CHG-1', revision: 'git:1', scope: 'all', builtAt: '2026-05-01T00:00:00Z' };
  return JSON.stringify({ schema: 'fairlead/platform@1', version, change, suites: {} });
}

function rollout(overrides: object = {}) {
  return JSON.stringify({
    schema: 'fairlead/rollout@1',
    release: { kind: 'platform', version: '1.0.0' },
    digest: `sha256:${hashOf('sha256', Buffer.from(platform('1.0.0')))}`,
    track: 'stable',
    seed: 's',
    start: '2026-05-01T00:00:00Z',
    waves: [{ percent: 100, after: 'PT0S' }],
    ...overrides,
  });
}

function advisory(title: string, id = 'FL-2026-0001') {
  const affected = [{ component: 'core/auth', versions: '<1.0.1' }];
  const base = { schema: 'fairlead/advisory@1', severity: 'high', cves: [], fixed: [] };
  return JSON.stringify({ ...base, id, title, affected, published: '2026-05-01T00:00:00Z' });
}

function halt(digest: string) {
  const times = { issued: '2026-05-31T00:00:00Z', expires: '2026-06-02T00:00:00Z' };
  return JSON.stringify({ schema: 'fairlead/halt@1', digest, reason: 'it fails', ...times });
}

const ROLES = ['security', 'halts', 'releases'];

/** A vendor's repository as it is laid out, with one document of most kinds. */
function vendorRepository(): RepositorySimulator {
  const vendor = new RepositorySimulator();
  vendor.delegate('targets', 'security', { paths: ['advisories/*'], terminating: true });
  vendor.delegate('targets', 'halts', { paths: ['halts/*'], terminating: true });
  vendor.delegate('targets', 'releases', {
    paths: ['platform/*', 'rollouts/*/platform/*'],
    terminating: true,
  });
  vendor.addTarget('releases', PLATFORM, platform('1.0.0'));
  vendor.addTarget('releases', ROLLOUT, rollout());
  vendor.addTarget('security', ADVISORY, advisory('first'));
  vendor.timestamp.signed_at = '2026-06-01T00:00:00Z';
  vendor.timestamp.expires = '2026-06-08T00:00:00Z';
  publish(vendor);
  return vendor;
}

function publish(vendor: RepositorySimulator): void {
  vendor.publish(...ROLES, 'targets', 'snapshot', 'timestamp');
}

interface Agent {
  readonly repository: Repository;
  readonly warnings: FairleadError[];
  readonly directory: string;
}

async function start(vendor: RepositorySimulator, directory = temporaryDirectory()): Promise<Agent> {
  const warnings: FairleadError[] = [];
  const repository = await createRepository({
    directory,
    url: 'https://vendor.test',
    initialRoot: vendor.initialRoot(),
    http: vendor,
    onWarning: (warning) => warnings.push(warning),
  });
  return { repository, warnings, directory };
}

async function titles(repository: Repository) {
  return (await repository.catalog()).advisories.map(({ title }) => title);
}

describe('what is signed beside a release', () => {
  const notes = {
    sbom: { digest: `sha256:${'a'.repeat(64)}`, bytes: 12 },
    supportUntil: '2031-12-31T00:00:00Z',
  };
  const sign = (vendor: RepositorySimulator, custom: unknown) => {
    vendor.signed.get('releases').targets[PLATFORM].custom = custom;
    publish(vendor);
  };

  it('is in the catalog, moves without the release, and is there again after a restart without the network', async () => {
    const vendor = vendorRepository();
    sign(vendor, { kind: 'platform', ...notes });
    const first = await start(vendor);
    await first.repository.refresh(NOW);
    expect((await first.repository.catalog()).notes?.get(PLATFORM)).toEqual(notes);

    sign(vendor, { ...notes, supportUntil: '2032-12-31T00:00:00Z' });
    await first.repository.refresh(NOW);

    const { repository } = await start(vendor, first.directory);
    expect((await repository.catalog()).notes?.get(PLATFORM)?.supportUntil).toBe('2032-12-31T00:00:00Z');
  });

  it.each([
    ['text', 'soon'],
    ['other words', { sbom: 'yes', supportUntil: 5 }],
    ['a day that does not exist', { supportUntil: '2031-02-31T00:00:00Z' }],
    ['a day of availability that does not exist', { availableUntil: '2031-02-31T00:00:00Z' }],
    ['a number for that day', { availableUntil: 5 }],
    ['a bill without end', { sbom: { ...notes.sbom, bytes: 2 ** 40 } }],
    ['a list', [notes]],
  ])('and is %s, is somebody else’s, and keeps no release from being read', async (_name, custom) => {
    const vendor = vendorRepository();
    sign(vendor, custom);
    const { repository, warnings } = await start(vendor);
    await repository.refresh(NOW);

    const catalog = await repository.catalog();

    expect(catalog.notes).toBeUndefined();
    expect(catalog.releases).toHaveLength(1);
    expect(warnings).toEqual([]);
  });
});

describe('the catalog', () => {
  it('is empty and never fresh before the first refresh', async () => {
    const { repository } = await start(vendorRepository());

    expect(await repository.catalog()).toEqual({ releases: [], rollouts: [], advisories: [], halts: [] });
    expect(repository.freshness(NOW)).toEqual({ state: 'never', expires: null });
  });

  it('holds every signed document, with its exact bytes', async () => {
    const vendor = vendorRepository();
    const digest = `sha256:${hashOf('sha256', Buffer.from(platform('1.0.0')))}`;
    vendor.addTarget('halts', `halts/${digest.slice(7)}.json`, halt(digest));
    publish(vendor);
    const { repository, warnings } = await start(vendor);

    expect(await repository.refresh(NOW)).toBe('changed');
    const catalog = await repository.catalog();

    expect(catalog.releases).toMatchObject([{ document: { version: '1.0.0' }, digest }]);
    expect(Buffer.from(catalog.releases[0]!.bytes).toString()).toBe(platform('1.0.0'));
    expect(catalog.rollouts).toMatchObject([{ track: 'stable' }]);
    expect(catalog.advisories).toMatchObject([{ id: 'FL-2026-0001' }]);
    expect(catalog.halts).toMatchObject([{ digest }]);
    expect(warnings).toEqual([]);
  });

  it('is there again after a restart, without the network', async () => {
    const vendor = vendorRepository();
    const { repository, directory } = await start(vendor);
    await repository.refresh(NOW);
    vendor.requests.length = 0;

    const again = await start(vendor, directory);

    expect(await again.repository.catalog()).toEqual(await repository.catalog());
    expect(again.repository.freshness(NOW)).toEqual(repository.freshness(NOW));
    expect(vendor.requests).toEqual([]);
  });

  it('is unchanged behind an unchanged timestamp, and asks for nothing more', async () => {
    const vendor = vendorRepository();
    const { repository, directory } = await start(vendor);
    await repository.refresh(NOW);
    vendor.requests.length = 0;

    expect(await repository.refresh(NOW)).toBe('unchanged');
    expect(await (await start(vendor, directory)).repository.refresh(NOW)).toBe('unchanged');
    expect(vendor.requests).toEqual(['root 2', 'timestamp', 'root 2', 'timestamp']);
  });

  it('fetches only documents that are new, and forgets those that are gone', async () => {
    const vendor = vendorRepository();
    const { repository, directory } = await start(vendor);
    await repository.refresh(NOW);
    vendor.addTarget('security', ADVISORY, advisory('second'));
    publish(vendor);
    vendor.requests.length = 0;

    await repository.refresh(NOW);

    expect(await titles(repository)).toEqual(['second']);
    expect(vendor.requests.filter((name) => name.includes('.json'))).toEqual([
      expect.stringContaining('FL-2026-0001'),
    ]);
    expect(readdirSync(join(directory, 'documents'))).toHaveLength(3);
  });

  it('reads no document again while it runs, however long the history', async () => {
    const vendor = vendorRepository();
    const { repository, directory } = await start(vendor);
    await repository.refresh(NOW);
    const before = await repository.catalog();
    for (const name of readdirSync(join(directory, 'documents'))) rmSync(join(directory, 'documents', name));
    vendor.addTarget('security', 'advisories/FL-2026-0002.json', advisory('second', 'FL-2026-0002'));
    publish(vendor);
    vendor.requests.length = 0;

    await repository.refresh(NOW);
    const after = await repository.catalog();

    expect(after.releases).toEqual(before.releases);
    expect(after.advisories.map(({ title }) => title).sort()).toEqual(['first', 'second']);
    expect(vendor.requests.filter((name) => name.includes('.json'))).toEqual([
      expect.stringContaining('FL-2026-0002'),
    ]);
  });

  describe('an order with terms', () => {
    const path = 'advisories/FL-2026-0002.terms.json';
    const times = { seed: 's', start: '2026-06-01T00:00:00Z' };
    const waves = [{ percent: 100, after: 'PT30M' }];
    const terms = { schema: 'fairlead/order-terms@1', advisory: 'FL-2026-0002', ...times, waves };
    const digest = hashOf('sha256', Buffer.from(JSON.stringify(terms)));
    const BOTH = [{ id: 'FL-2026-0001' }, { id: 'FL-2026-0002', terms: { waves } }];
    function ordering() {
      const vendor = vendorRepository();
      vendor.addTarget('security', 'advisories/FL-2026-0002.json', advisory('second', 'FL-2026-0002'));
      vendor.addTarget('security', path, JSON.stringify(terms));
      publish(vendor);
      return vendor;
    }

    it('is not taken where they are withheld: without them it would force everybody at once', async () => {
      const vendor = ordering();
      const { repository } = await start(vendor);
      vendor.failures.set(path.replace('/', `/${digest}.`), 404);

      await rejectionOf(repository.refresh(NOW));
      const without = await titles(repository);
      vendor.failures.clear();
      await repository.refresh(NOW);

      expect(without).toEqual(['first']);
      expect((await repository.catalog()).advisories).toMatchObject(BOTH);
    });

    it.each([
      ['damaged', (file: string) => writeFileSync(file, 'damaged')],
      ['lost', (file: string) => rmSync(file)],
    ])('is left out while the disk has them %s, until a refresh makes them good', async (_how, harm) => {
      const vendor = ordering();
      const { repository, directory } = await start(vendor);
      await repository.refresh(NOW);
      const name = readdirSync(join(directory, 'documents')).find((each) => each.startsWith(digest));
      harm(join(directory, 'documents', name ?? 'none'));

      const again = await start(vendor, directory);
      const without = await titles(again.repository);
      await again.repository.refresh(NOW);

      expect(without).toEqual(['first']);
      expect((await again.repository.catalog()).advisories).toMatchObject(BOTH);
    });
  });

  it('an order counts at once where its terms came as they were signed and are of a form that nobody knows here', async () => {
    const vendor = vendorRepository();
    const path = 'advisories/FL-2026-0002.terms.json';
    vendor.addTarget('security', 'advisories/FL-2026-0002.json', advisory('second', 'FL-2026-0002'));
    vendor.addTarget('security', path, JSON.stringify({ schema: 'fairlead/order-terms@2' }));
    publish(vendor);
    const { repository, directory, warnings } = await start(vendor);

    await repository.refresh(NOW);
    expect(await titles(repository)).toEqual(['first', 'second']);
    expect(JSON.stringify(warnings)).toContain(path);

    const again = await start(vendor, directory);
    expect(await titles(again.repository)).toEqual(['first', 'second']);
  });

  it('an advisory is taken where its details are withheld: they change nobody’s versions', async () => {
    const vendor = vendorRepository();
    const path = 'advisories/FL-2026-0002.details.json';
    const details = { schema: 'fairlead/advisory-details@1', advisory: 'FL-2026-0002', impact: 'reads mail' };
    vendor.addTarget('security', 'advisories/FL-2026-0002.json', advisory('second', 'FL-2026-0002'));
    vendor.addTarget('security', path, JSON.stringify(details));
    publish(vendor);
    const digest = hashOf('sha256', Buffer.from(JSON.stringify(details)));
    vendor.failures.set(path.replace('/', `/${digest}.`), 404);
    const { repository } = await start(vendor);

    await rejectionOf(repository.refresh(NOW));
    const without = await titles(repository);
    vendor.failures.clear();
    await repository.refresh(NOW);

    expect(without).toEqual(['first', 'second']);
    expect((await repository.catalog()).advisories).toMatchObject([{ id: 'FL-2026-0001' }, { details }]);
  });

  it('reads none again that it has just fetched', async () => {
    const { repository, directory } = await start(vendorRepository());
    await repository.refresh(NOW);
    for (const name of readdirSync(join(directory, 'documents'))) rmSync(join(directory, 'documents', name));

    const { releases, rollouts, advisories } = await repository.catalog();

    expect([releases, rollouts, advisories].map(({ length }) => length)).toEqual([1, 1, 1]);
  });

  it('reads no document again that it has read since its start', async () => {
    const vendor = vendorRepository();
    const { repository, directory } = await start(vendor);
    await repository.refresh(NOW);
    const again = await start(vendor, directory);
    const before = await again.repository.catalog();
    for (const name of readdirSync(join(directory, 'documents'))) rmSync(join(directory, 'documents', name));

    expect(await again.repository.catalog()).toEqual(before);
    expect([before.releases.length, again.warnings]).toEqual([1, []]);
  });

  it.each([
    ['damaged', (file: string) => writeFileSync(file, 'damaged')],
    ['lost', (file: string) => rmSync(file)],
  ])('leaves out cached documents that are %s, until a refresh makes them good', async (_how, harm) => {
    const vendor = vendorRepository();
    const { repository, directory } = await start(vendor);
    await repository.refresh(NOW);
    const before = await repository.catalog();
    const documents = readdirSync(join(directory, 'documents'));
    for (const name of documents) harm(join(directory, 'documents', name));
    vendor.requests.length = 0;

    const again = await start(vendor, directory);
    const without = await again.repository.catalog();
    const asked = [...vendor.requests];

    expect(without).toEqual({ releases: [], rollouts: [], advisories: [], halts: [] });
    expect(asked).toEqual([]);
    expect(again.warnings.map(({ code }) => code)).toContain('trust/misplaced');
    expect(await again.repository.refresh(NOW)).toBe('changed');
    expect(await again.repository.catalog()).toEqual(before);
    expect(await again.repository.refresh(NOW)).toBe('unchanged');
  });

  it('is made anew when its listing was damaged', async () => {
    const vendor = vendorRepository();
    const { repository, directory } = await start(vendor);
    await repository.refresh(NOW);
    writeFileSync(join(directory, 'listing'), readFileSync(join(directory, 'listing')).subarray(9));

    const again = await start(vendor, directory);

    expect(again.repository.freshness(NOW).state).toBe('never');
    expect(await again.repository.refresh(NOW)).toBe('changed');
    expect(await titles(again.repository)).toEqual(['first']);
  });
});

describe('a hostile name', () => {
  it('of a role does not replace what the agent keeps beside the roles', async () => {
    const vendor = vendorRepository();
    vendor.delegate('releases', 'listing');
    vendor.publish('listing', ...ROLES, 'targets', 'snapshot', 'timestamp');
    const { repository, directory } = await start(vendor);
    await repository.refresh(NOW);
    await (await start(vendor, directory)).repository.refresh(NOW);

    const restarted = await start(vendor, directory);

    expect(restarted.repository.freshness(NOW).state).toBe('fresh');
    expect(await titles(restarted.repository)).toEqual(['first']);
  });

  it('of a document does not lead a request out of its place', async () => {
    const vendor = vendorRepository();
    const path = 'advisories/../../api/v1/tokens';
    vendor.addTarget('targets', path, 'anything');
    publish(vendor);
    const { repository } = await start(vendor);

    expect((await rejectionOf(repository.refresh(NOW))).code).toBe('trust/misplaced');

    expect(vendor.requests.filter((name) => name.includes('tokens'))).toEqual([]);
    expect(await titles(repository)).toEqual(['first']);
  });
});

describe('who may say what', () => {
  it('is decided by the order of delegations: releases cannot issue advisories', async () => {
    const vendor = vendorRepository();
    vendor.addTarget('releases', 'advisories/FL-2026-0002.json', advisory('forged', 'FL-2026-0002'));
    publish(vendor);
    const { repository } = await start(vendor);

    await repository.refresh(NOW);

    expect(await titles(repository)).toEqual(['first']);
  });

  it('gives a path to its terminating delegate even when a later role matches it too', async () => {
    const vendor = vendorRepository();
    vendor.delegate('targets', 'later', { paths: ['advisories/*'] });
    vendor.addTarget('later', 'advisories/FL-2026-0002.json', advisory('forged', 'FL-2026-0002'));
    vendor.publish('later');
    publish(vendor);
    const { repository } = await start(vendor);

    await repository.refresh(NOW);

    expect(await titles(repository)).toEqual(['first']);
  });

  it('does not let one signed path count as another', async () => {
    const vendor = vendorRepository();
    vendor.addTarget('releases', 'platform/9.9.9.json', platform('1.0.0'));
    publish(vendor);
    const { repository, warnings } = await start(vendor);

    await repository.refresh(NOW);
    const { releases } = await repository.catalog();

    expect(releases).toHaveLength(1);
    expect(warnings.map(({ code }) => code)).toEqual(['trust/misplaced']);
  });

  it.each<[string, string, string]>([
    ['a schema from the future', 'platform/2.0.0.json', '{"schema":"fairlead/platform@2"}'],
    ['no JSON', 'platform/2.0.0.json', 'no JSON'],
    ['an unknown directory level', 'platform/a/b.json', '{}'],
  ])('leaves out a document with %s, and keeps the others', async (_what, path, content) => {
    const vendor = vendorRepository();
    vendor.targets.delegations.roles[2].paths.push('platform/*/*');
    vendor.addTarget('releases', path, content);
    publish(vendor);
    const { repository, warnings } = await start(vendor);

    await repository.refresh(NOW);
    const catalog = await repository.catalog();

    expect(catalog.releases).toHaveLength(1);
    expect(catalog.advisories).toHaveLength(1);
    expect(warnings).toHaveLength(1);
  });
});

describe('what a hostile mirror withholds', () => {
  /** A newer repository of which this mirror does not show a file. */
  async function withheld(
    change: (vendor: RepositorySimulator) => void,
    hide: (vendor: RepositorySimulator) => void,
  ) {
    const vendor = vendorRepository();
    const agent = await start(vendor);
    await agent.repository.refresh(NOW);
    const before = agent.repository.freshness(NOW);
    change(vendor);
    vendor.timestamp.expires = '2026-06-15T00:00:00Z';
    publish(vendor);
    hide(vendor);
    const refusal = await rejectionOf(agent.repository.refresh(NOW));
    return { ...agent, vendor, before, refusal };
  }

  it('a changed rollout: the old one stays, and nothing becomes fresher', async () => {
    const { repository, vendor, before, refusal } = await withheld(
      (made) => made.addTarget('releases', ROLLOUT, rollout({ paused: true })),
      (made) => {
        for (const path of made.artifacts.keys())
          if (path.startsWith('rollouts')) made.artifacts.delete(path);
      },
    );

    expect(refusal.code).toBe('transport/refused');
    expect((await repository.catalog()).rollouts).toMatchObject([{ paused: false }]);
    expect(repository.freshness(NOW)).toEqual(before);

    vendor.addTarget('releases', ROLLOUT, rollout({ paused: true }));
    expect(await repository.refresh(NOW)).toBe('changed');
    expect((await repository.catalog()).rollouts).toMatchObject([{ paused: true }]);
  });

  it('a whole role: its last word stays while the security team is heard', async () => {
    const { repository, before, refusal } = await withheld(
      (made) => made.addTarget('security', ADVISORY, advisory('second')),
      (made) => made.failures.set('releases 2', 404),
    );

    expect(refusal.code).toBe('transport/refused');
    expect(await titles(repository)).toEqual(['second']);
    expect((await repository.catalog()).releases).toHaveLength(1);
    expect(repository.freshness(NOW)).toEqual(before);
  });

  it('the halts: they go on halting', async () => {
    const digest = `sha256:${hashOf('sha256', Buffer.from(platform('1.0.0')))}`;
    const vendor = vendorRepository();
    vendor.addTarget('halts', `halts/${digest.slice(7)}.json`, halt(digest));
    publish(vendor);
    const { repository } = await start(vendor);
    await repository.refresh(NOW);
    publish(vendor);
    vendor.failures.set('halts 3', 404);

    await rejectionOf(repository.refresh(NOW));

    expect((await repository.catalog()).halts).toHaveLength(1);
  });

  it('everything behind the snapshot: the catalog stays as it was', async () => {
    const { repository, before } = await withheld(
      (made) => made.addTarget('security', ADVISORY, advisory('second')),
      (made) => made.failures.set('targets 3', 404),
    );

    expect(await titles(repository)).toEqual(['first']);
    expect(repository.freshness(NOW)).toEqual(before);
  });

  it('survives a restart in between', async () => {
    const { vendor, directory, before } = await withheld(
      (made) => made.addTarget('security', ADVISORY, advisory('second')),
      (made) => made.failures.set('releases 2', 404),
    );

    const again = await start(vendor, directory);

    expect(await titles(again.repository)).toEqual(['second']);
    expect(again.repository.freshness(NOW)).toEqual(before);
    vendor.failures.clear();
    expect(await again.repository.refresh(NOW)).toBe('changed');
    expect(again.repository.freshness(NOW).expires).toBeGreaterThan(before.expires ?? 0);
  });

  it('from the beginning: what can be had is there, and it is never fresh', async () => {
    const vendor = vendorRepository();
    vendor.failures.set('releases 1', 404);
    const { repository } = await start(vendor);

    await rejectionOf(repository.refresh(NOW));

    expect(await titles(repository)).toEqual(['first']);
    expect(repository.freshness(NOW).state).toBe('never');
  });

  it('a document that the vendor removed does go', async () => {
    const vendor = vendorRepository();
    const { repository } = await start(vendor);
    await repository.refresh(NOW);
    delete vendor.signed.get('security').targets[ADVISORY];
    publish(vendor);

    expect(await repository.refresh(NOW)).toBe('changed');
    expect(await titles(repository)).toEqual([]);
  });
});

describe('freshness', () => {
  async function fresh(change: (vendor: RepositorySimulator) => void = () => undefined) {
    const vendor = vendorRepository();
    change(vendor);
    publish(vendor);
    const { repository } = await start(vendor);
    await repository.refresh(NOW);
    return repository;
  }

  it('ends when the first of the metadata expires', async () => {
    const repository = await fresh((vendor) => {
      vendor.signed.get('halts').expires = '2026-06-04T00:00:00Z';
    });

    expect(repository.freshness(NOW)).toEqual({ state: 'fresh', expires: NOW + 3 * DAY_MS });
    expect(repository.freshness(NOW + 3 * DAY_MS - 1).state).toBe('fresh');
    expect(repository.freshness(NOW + 3 * DAY_MS).state).toBe('expired');
  });

  it('tells a clock that is behind signed data from metadata that expired', async () => {
    const repository = await fresh();

    expect(repository.freshness(NOW - 5 * 60_000).state).toBe('fresh');
    expect(repository.freshness(NOW - HOUR_MS).state).toBe('clock-behind');
  });

  it('does not come back for a clock that was set back', async () => {
    const vendor = vendorRepository();
    vendor.timestamp.signed_at = '2026-06-01T00:05:00Z';
    vendor.signed.get('halts').expires = '2026-06-01T00:03:00Z';
    publish(vendor);
    const { repository } = await start(vendor);

    expect((await rejectionOf(repository.refresh(NOW))).code).toBe('trust/expired');
  });

  it('ends by the newest signing time seen, complete refresh or not', async () => {
    const vendor = vendorRepository();
    vendor.signed.get('halts').expires = '2026-06-01T00:03:00Z';
    publish(vendor);
    const { repository } = await start(vendor);
    await repository.refresh(NOW);
    vendor.timestamp.signed_at = '2026-06-01T00:05:00Z';
    vendor.publish('timestamp');
    vendor.failures.set('targets 3', 404);

    expect(repository.freshness(NOW + 60_000).state).toBe('fresh');
    await rejectionOf(repository.refresh(NOW + 60_000));
    expect(repository.freshness(NOW + 60_000).state).toBe('expired');
  });

  it('of a role that expired ends, while what it said stays', async () => {
    const vendor = vendorRepository();
    vendor.signed.get('security').expires = '2026-06-02T00:00:00Z';
    publish(vendor);
    const { repository } = await start(vendor);
    await repository.refresh(NOW);

    const refusal = await rejectionOf(repository.refresh(NOW + 2 * DAY_MS));

    expect(refusal.code).toBe('trust/expired');
    expect(repository.freshness(NOW + 2 * DAY_MS).state).toBe('expired');
    expect(await titles(repository)).toEqual(['first']);
  });
});

describe('keys', () => {
  it('are those of the product only: another root is no root', async () => {
    const vendor = vendorRepository();
    const other = new RepositorySimulator();
    other.setKeys('root', [newKey()]);
    other.publish('root');
    vendor.publishAs('root', other.current('root'));
    const { repository } = await start(vendor);

    expect((await rejectionOf(repository.refresh(NOW))).code).toBe('trust/threshold');
  });

  it('refuses to start from a root that was tampered with', async () => {
    const vendor = vendorRepository();
    const bytes = Buffer.from(vendor.initialRoot().toString());
    vendor.published.set('root', [bytes]);

    expect((await rejectionOf(start(vendor))).code).toBe('trust/malformed');
  });

  it('goes on from the enrolled root when the directory was lost', async () => {
    const vendor = vendorRepository();
    const { directory, repository } = await start(vendor);
    await repository.refresh(NOW);
    rmSync(directory, { recursive: true });

    const again = await start(vendor, directory);

    expect(await again.repository.refresh(NOW)).toBe('changed');
    expect(await titles(again.repository)).toEqual(['first']);
  });
});
