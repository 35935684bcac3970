// A refresh that walks over two new roots, the first signed by old and new keys, to newer metadata and documents.
import { readdir, readFile } from 'node:fs/promises';
import type { GetOptions } from '../../../agent/adapters/server/http-client.ts';
import { settleState } from '../../../agent/adapters/state/state-directory.ts';
import type { Repository } from '../../../agent/ports/server.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { createRepository } from '../../support/open-repository.ts';
import { NOW, newKey, RepositorySimulator } from '../../support/repository-simulator.ts';
import type { Acknowledge, Acknowledged } from './acknowledged.ts';
import type { Operation, Place } from './laboratory.ts';
import { describeState, leftovers } from './state-files.ts';

type Versions = Readonly<Record<string, number>>;
type Stage = 'old' | 'new';

const ROLES = ['timestamp', 'snapshot', 'targets', 'releases'];

export const TRUST_OPERATION: Operation = {
  name: 'trust',
  async prepare({ stateDir }) {
    await (await open(stateDir, 'old')).refresh(NOW);
  },
  perform: refresh,
  recover: refresh,
  async judge({ stateDir }, acknowledged) {
    const found = await trustedVersions(stateDir);
    const problems = [...movedBack(found, vendor.versions.old, 'after the fault')];
    for (const versions of acknowledged.flatMap(trustedIn))
      problems.push(...movedBack(found, versions, 'acknowledged'));
    // The server now shows what it showed before, as a mirror that was rolled back does.
    const outcome = await outcomeOf(open(stateDir, 'old'));
    problems.push(...movedBack(await trustedVersions(stateDir), found, `after an older server (${outcome})`));
    const repository = await open(stateDir, 'new');
    await repository.refresh(NOW);
    problems.push(...movedBack(await trustedVersions(stateDir), vendor.versions.new, 'in the end'));
    const { releases } = await repository.catalog();
    if (releases.length !== 2) problems.push(`${releases.length} releases are known`);
    const before = await describeState(stateDir);
    await (await open(stateDir, 'new')).refresh(NOW);
    if ((await describeState(stateDir)) !== before) problems.push('a second refresh changes the disk');
    const end = isAt(found, vendor.versions.new)
      ? 'new'
      : isAt(found, vendor.versions.old)
        ? 'old'
        : 'on the way';
    return { end, failure: null, problems: [...problems, ...(await leftovers(stateDir))] };
  },
};

async function refresh({ stateDir }: Place, acknowledge: Acknowledge): Promise<void> {
  await (await open(stateDir, 'new')).refresh(NOW);
  acknowledge({ kind: 'trusted', versions: await trustedVersions(stateDir) });
}

const vendor = createVendor();

/** A new agent, as in startInstance. */
async function open(stateDir: string, stage: Stage): Promise<Repository> {
  await makeDirectory(stateDir);
  await settleState(stateDir);
  return createRepository({
    directory: `${stateDir}/trust`,
    url: 'https://vendor.test',
    initialRoot: vendor.simulator.initialRoot(),
    http: { get: (url: string, options: GetOptions) => vendor.at(stage).get(url, options) },
    onWarning: () => undefined,
  });
}

function createVendor() {
  const simulator = new RepositorySimulator();
  simulator.delegate('targets', 'releases', { paths: ['platform/*'], terminating: true });
  const publish = (version: string) => {
    simulator.addTarget('releases', `platform/${version}.json`, platform(version));
    simulator.publish('releases', 'targets', 'snapshot', 'timestamp');
  };
  const versionsNow = () =>
    Object.fromEntries(
      ['root', ...ROLES].map((role) => [role, simulator.signed.get(role).version as number]),
    );

  publish('1.0.0');
  const served = { old: new Map(simulator.published), new: new Map<string, Uint8Array[]>() };
  const old = versionsNow();
  const before = simulator.signers.get('root') ?? [];
  const key = newKey();
  simulator.setKeys('root', [key]);
  simulator.signers.set('root', [...before, key]);
  simulator.publish('root');
  simulator.signers.set('root', [key]);
  simulator.publish('root');
  publish('1.1.0');
  served.new = new Map(simulator.published);
  return {
    simulator,
    versions: { old, new: versionsNow() },
    at(stage: Stage) {
      for (const [role, versions] of served[stage]) simulator.published.set(role, versions);
      return simulator;
    },
  };
}

function platform(version: string): string {
  const change = { id: 'CHG-1', revision: 'git:1', scope: 'all', builtAt: '2026-05-01T00:00:00Z' };
  return JSON.stringify({ schema: 'fairlead/platform@1', version, change, suites: {} });
}

/** What the files on disk say; a root counts from the moment it stands in the history. */
async function trustedVersions(stateDir: string): Promise<Versions> {
  const directory = `${stateDir}/trust`;
  const kept = await readdir(`${directory}/root_history`).catch(() => []);
  const roots = kept.flatMap((name) => /^(\d+)\.root\.json$/.exec(name)?.[1] ?? []).map(Number);
  const versions: Record<string, number> = {
    root: Math.max(await versionOf(`${directory}/root.json`), ...roots),
  };
  for (const role of ROLES) versions[role] = await versionOf(`${directory}/${role}.json`);
  return versions;
}

async function versionOf(path: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? 0 : JSON.parse(text).signed.version;
}

function movedBack(found: Versions, least: Versions, when: string): readonly string[] {
  return Object.entries(least).flatMap(([role, version]) => {
    const has = found[role] ?? 0;
    return has >= version ? [] : [`${role} is at ${has}, behind ${version}, ${when}`];
  });
}

function isAt(found: Versions, versions: Versions): boolean {
  return Object.entries(versions).every(([role, version]) => found[role] === version);
}

function trustedIn(fact: Acknowledged): readonly Versions[] {
  return fact.kind === 'trusted' ? [fact.versions] : [];
}

async function outcomeOf(repository: Promise<Repository>): Promise<string> {
  try {
    return await (await repository).refresh(NOW);
  } catch (error) {
    if (isFairleadError(error)) return error.code;
    throw error;
  }
}
