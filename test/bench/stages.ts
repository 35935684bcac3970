// What one small change costs its vendor, stage by stage, beside histories of different lengths.
import { join } from 'node:path';
import type { ComponentKey } from '../../shared/schema/common.ts';
import { parseVersion } from '../../shared/version/version.ts';
import { digestOfText } from '../support/publications.ts';
import { enrolAgent } from '../support/reporting-agent.ts';
import { recordOf } from '../support/reports.ts';
import { compareBoth } from './comparisons.ts';
import { type Figures, formatMs, median, timed } from './figures.ts';
import { type Contender, interleave, ROUNDS, type Took, take } from './rounds.ts';
import { aboutOf, sourcesOf, startVendorWithHistory, type VendorAtWork } from './vendor-history.ts';

const HISTORIES = [10, 500, 2_000] as const;
const GOAL = 1.5;
const STAGES = ['change open', 'build', 'verify', 'release', 'rollout start', 'change complete'] as const;

type Times = Readonly<Record<(typeof STAGES)[number], number>>;

interface Walk extends Took {
  readonly times: Times;
}

interface Vendor {
  readonly releases: number;
  readonly vendor: VendorAtWork;
  readonly agent: Awaited<ReturnType<typeof enrolAgent>>;
}

export async function measureStages(work: string): Promise<Figures> {
  const vendors: Vendor[] = [];
  try {
    for (const releases of HISTORIES)
      vendors.push(await openVendor(join(work, `stages-${releases}`), releases));
    return figuresOf(await interleave(vendors.map(contender)));
  } finally {
    for (const { vendor } of vendors) await vendor.stop();
  }
}

function figuresOf(walks: readonly (readonly Walk[])[]): Figures {
  const names = HISTORIES.map((releases) => `${releases.toLocaleString('en')} releases`);
  const stage = (name: (typeof STAGES)[number]) =>
    walks.map((of) => formatMs(median(of.map(({ times }) => times[name]))));
  const [shortest = [], ...longer] = walks;
  return {
    title: 'Stages of a change',
    note:
      'One small change of one file through all seven stages, each command a process of its own that opens its key and asks a release server on loopback with one install; ' +
      `medians of ${ROUNDS} changes, in turns of the vendors, the first not counted. The releases before it are of twenty capabilities, each offered and done.`,
    head: ['', ...names],
    rows: STAGES.map((name) => [`\`${name}\``, ...stage(name)]),
    comparisons: longer.flatMap((of, i) =>
      compareBoth(`all seven, ${names[i + 1]}`, of, { name: names[0] ?? '', goal: GOAL, took: shortest }),
    ),
  };
}

async function openVendor(work: string, releases: number): Promise<Vendor> {
  const vendor = await startVendorWithHistory(work, releases);
  const credentials = { authorization: `Bearer ${vendor.token}`, 'content-type': 'application/json' };
  return { releases, vendor, agent: await enrolAgent(vendor.url, credentials) };
}

/** Once before it counts: what a server reads at its first question is no cost of a change. */
function contender({ releases, vendor, agent }: Vendor): Contender<Walk> {
  let runs = 0;
  const once = async () => {
    let times: Times | undefined;
    const { cpuMs } = await take(async () => {
      times = await walk(vendor, agent, ++runs);
    });
    if (times === undefined) throw new Error('no stage was measured');
    const wallMs = Object.values(times).reduce((sum, ms) => sum + ms, 0);
    return { wallMs, cpuMs, times };
  };
  return {
    name: String(releases),
    run: async () => {
      if (runs === 0) await once();
      return await once();
    },
  };
}

async function walk(
  vendor: VendorAtWork,
  agent: Awaited<ReturnType<typeof enrolAgent>>,
  run: number,
): Promise<Times> {
  const version = `9.0.${run}`;
  const sources = sourcesOf(vendor, version);
  let id = '';
  const timeOf = (...argv: readonly string[]) => timed(async () => vendor.run(...argv));
  const open = await timed(async () => {
    const { change } = vendor.run('change', 'open', ...aboutOf(version)) as { change: { id: string } };
    id = change.id;
  });
  const build = await timeOf('build', `core/c0@${version}`, '--change', id, ...sources);
  const verify = await timeOf('verify', id);
  const release = await timeOf('release', id);
  const start = await timeOf('rollout', 'start', id);
  await reportDone(agent, run, version, id);
  const complete = await timeOf('change', 'complete', id);
  return {
    ...{ 'change open': open, build, verify, release },
    ...{ 'rollout start': start, 'change complete': complete },
  };
}

/** The install has committed it, and runs it from now on. */
async function reportDone(
  agent: Awaited<ReturnType<typeof enrolAgent>>,
  run: number,
  version: string,
  change: string,
): Promise<void> {
  const component = 'core/c0' as ComponentKey;
  const steps = [{ component, from: null, to: parseVersion(version), change }];
  const { status } = await agent.report(run, undefined, {
    components: [
      { component, version: parseVersion(version), tree: digestOfText('tree'), health: 'healthy' },
    ],
    records: [{ ...recordOf(1, 'committed', change, { steps }), id: run }],
  });
  if (status !== 200) throw new Error(`the report was answered with ${status}`);
}
