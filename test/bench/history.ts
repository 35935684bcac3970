// What a vendor's long history costs an install: the first round, a restart, one more release, and memory.
import { join } from 'node:path';
import type { Version } from '../../shared/version/version.ts';
import { createRepository } from '../support/open-repository.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { buildRelease } from '../support/scenario.ts';
import { type Figures, formatMb, formatMs, timed } from './figures.ts';
import { restingAgentBytes } from './memory.ts';
import { publishAll, startVendor } from './vendor.ts';

const RELEASES = 10_000;
const CAPABILITIES = 100;

export async function measureHistory(work: string): Promise<Figures> {
  const vendor = vendorWithHistory();
  let fetched = 0;
  const directory = join(work, 'history');
  const start = () =>
    createRepository({
      directory,
      url: 'https://vendor.test',
      initialRoot: vendor.initialRoot(),
      http: {
        get: async (url, options) => {
          const answer = await vendor.get(url, options);
          fetched += answer.kind === 'body' ? answer.bytes.length : 0;
          return answer;
        },
      },
      onWarning: (warning) => {
        throw warning;
      },
    });
  const round = async (repository: Awaited<ReturnType<typeof start>>) => {
    await repository.refresh(Date.now());
    await repository.catalog();
  };
  const first = await timed(async () => round(await start()));
  const repository = await start();
  const restart = await timed(() => round(repository));
  const nothing = await timed(() => round(repository));
  const listed = vendor.current('releases').length;
  const addOne = (number: number) => {
    addRelease(vendor, number);
    vendor.publish('releases', 'snapshot', 'timestamp');
  };
  // The first finds nothing that was parsed before.
  addOne(RELEASES);
  const second = await timed(() => round(repository));
  addOne(RELEASES + 1);
  fetched = 0;
  const begun = process.cpuUsage();
  const news = await timed(() => round(repository));
  const used = process.cpuUsage(begun);
  return {
    title: 'A long history',
    note:
      `${RELEASES.toLocaleString('en')} releases of ${CAPABILITIES} capabilities, each with its rollout. A round is refresh and ` +
      'catalog, every byte verified and written as in the agent, the network left out.',
    head: ['', ''],
    rows: [
      ['the first round of all', formatMs(first)],
      ['the first round after a restart', formatMs(restart)],
      ['the first round that finds one more release', formatMs(second)],
      ['the next one that does', formatMs(news)],
      [
        'processor time of that, the vendor’s making of the difference included',
        formatMs((used.user + used.system) / 1000),
      ],
      ['bytes fetched for it', `${(fetched / 1000).toFixed(1)} kB of ${formatMb(listed)}`],
      ['a round that finds nothing', formatMs(nothing)],
      ['`fairlead agent run`, resident at rest', formatMb(await agentBytes(work, vendor))],
    ],
  };
}

async function agentBytes(work: string, repository: RepositorySimulator): Promise<number> {
  const vendor = await startVendor(repository);
  try {
    return await restingAgentBytes(join(work, 'history-agent'), vendor);
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
