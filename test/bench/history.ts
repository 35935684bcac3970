// What a vendor's long history costs an install: the first round, a restart, one more release, and memory.
import { join } from 'node:path';
import type { Version } from '../../shared/version/version.ts';
import { createRepository } from '../support/open-repository.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { buildRelease } from '../support/scenario.ts';
import { compareWith } from './comparisons.ts';
import { type Comparison, type Figures, formatMb, formatMs, median, timed } from './figures.ts';
import { restingAgentBytes } from './memory.ts';
import { ROUNDS, type Took, take } from './rounds.ts';
import { publishAll, startVendor } from './vendor.ts';

const SIZES = [2_000, 10_000] as const;
const RELEASES = 10_000;
const CAPABILITIES = 100;
const CPU_GOAL_MS = 50;

interface Rounds {
  readonly first: number;
  readonly restart: number;
  /** The first finds nothing that was parsed before. */
  readonly second: number;
  readonly news: readonly Took[];
  readonly nothing: number;
  readonly resident: number;
  readonly comparison: Comparison;
}

export async function measureHistory(work: string): Promise<Figures> {
  const found: Rounds[] = [];
  for (const releases of SIZES) found.push(await measureAt(releases, join(work, `history-${releases}`)));
  const row = (what: string, show: (rounds: Rounds) => string) => [what, ...found.map(show)];
  return {
    title: 'A long history',
    note:
      `Releases of ${CAPABILITIES} capabilities, each with its rollout. A round is refresh and catalog, every byte verified and written ` +
      `as in the agent, the network left out. Of processor time the vendor’s making of the difference is left out too; times of the clock have it in them. One more release: medians of ${ROUNDS} rounds that find one each; ` +
      `goal of its processor time: ${formatMs(CPU_GOAL_MS)}.`,
    head: ['', ...SIZES.map((releases) => `${releases.toLocaleString('en')} releases`)],
    rows: [
      row('the first round of all', ({ first }) => formatMs(first)),
      row('the first round after a restart', ({ restart }) => formatMs(restart)),
      row('the first round that finds one more release', ({ second }) => formatMs(second)),
      row('the next ones that do', ({ news }) => formatMs(median(news.map(({ wallMs }) => wallMs)))),
      row('processor time of those', ({ news }) => {
        const spent = median(news.map(({ cpuMs }) => cpuMs));
        return `${formatMs(spent)}${spent > CPU_GOAL_MS ? ', missed' : ''}`;
      }),
      row('a round that finds nothing', ({ nothing }) => formatMs(nothing)),
      row('`fairlead agent run`, resident at rest', ({ resident }) => formatMb(resident)),
    ],
    comparisons: found.map(({ comparison }) => comparison),
  };
}

async function measureAt(releases: number, directory: string): Promise<Rounds> {
  const vendor = vendorWithHistory(releases);
  const line = { bytes: 0, cpuMs: 0 };
  const start = () => openAt(join(directory, 'trust'), vendor, line);
  const round = async (repository: Awaited<ReturnType<typeof start>>) => {
    await repository.refresh(Date.now());
    await repository.catalog();
  };
  const first = await timed(async () => round(await start()));
  const repository = await start();
  const restart = await timed(() => round(repository));
  const nothing = await timed(() => round(repository));
  let added = releases;
  const one = async () => {
    addRelease(vendor, added++);
    vendor.publish('releases', 'snapshot', 'timestamp');
    Object.assign(line, { bytes: 0, cpuMs: 0 });
    const { wallMs, cpuMs } = await take(() => round(repository));
    return { wallMs, cpuMs: cpuMs - line.cpuMs, bytes: line.bytes };
  };
  const { wallMs: second } = await one();
  const news = [];
  for (let i = 0; i < ROUNDS; i++) news.push(await one());
  const comparison = compareWith(
    {
      what: `one more beside ${releases.toLocaleString('en')}`,
      measure: 'bytes',
      values: news.map(({ bytes }) => bytes),
    },
    {
      name: 'the list of all releases',
      goal: 0.01,
      values: news.map(() => vendor.current('releases').length),
    },
  );
  const resident = await agentBytes(directory, vendor);
  return { first, restart, second, news, nothing, resident, comparison };
}

/** What the vendor's answers took is none of the agent's. */
function openAt(directory: string, vendor: RepositorySimulator, line: { bytes: number; cpuMs: number }) {
  return createRepository({
    ...{ directory, url: 'https://vendor.test', initialRoot: vendor.initialRoot() },
    http: {
      get: async (url, options) => {
        const begun = process.cpuUsage();
        const answer = await vendor.get(url, options);
        const { user, system } = process.cpuUsage(begun);
        line.cpuMs += (user + system) / 1_000;
        line.bytes += answer.kind === 'body' ? answer.bytes.length : 0;
        return answer;
      },
    },
    onWarning: (warning) => {
      throw warning;
    },
  });
}

async function agentBytes(work: string, repository: RepositorySimulator): Promise<number> {
  const vendor = await startVendor(repository);
  try {
    return await restingAgentBytes(join(work, 'agent'), vendor);
  } finally {
    vendor.close();
  }
}

export function vendorWithHistory(releases = RELEASES): RepositorySimulator {
  const vendor = new RepositorySimulator();
  vendor.listsHashes = true;
  const paths = ['capabilities/*/*/*', 'rollouts/*/capabilities/*/*/*'];
  vendor.delegate('targets', 'releases', { paths, terminating: true });
  for (let i = 0; i < releases; i++) addRelease(vendor, i);
  return publishAll(vendor);
}

export function addRelease(vendor: RepositorySimulator, number: number): void {
  const version = `1.${Math.floor(number / CAPABILITIES)}.0` as Version;
  const ref = { kind: 'capability', suite: 'core', name: `c${number % CAPABILITIES}`, version } as const;
  const { bytes, digest } = buildRelease(ref);
  const path = `capabilities/core/${ref.name}/${version}.json`;
  const rollout = {
    schema: 'fairlead/rollout@1',
    release: ref,
    digest,
    track: 'stable',
    seed: 'seed',
    start: '2026-03-01T00:00:00Z',
    waves: [{ percent: 100, after: 'PT0S' }],
  };
  vendor.addTarget('releases', path, bytes);
  vendor.addTarget('releases', `rollouts/stable/${path}`, JSON.stringify(rollout));
}
