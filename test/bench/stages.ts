// What one small change costs its vendor, stage by stage, beside histories of different lengths.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ComponentKey } from '../../shared/schema/common.ts';
import { parseVersion } from '../../shared/version/version.ts';
import { digestOfText } from '../support/publications.ts';
import { enrolAgent } from '../support/reporting-agent.ts';
import { recordOf } from '../support/reports.ts';
import { type Figures, formatMs, median, timed } from './figures.ts';
import { aboutOf, sourcesOf, startVendorWithHistory, type VendorAtWork } from './vendor-history.ts';

const HISTORIES = [10, 500, 2_000];
const RUNS = 3;
const STAGES = ['change open', 'build', 'verify', 'release', 'rollout start', 'change complete'] as const;

type Times = Readonly<Record<(typeof STAGES)[number], number>>;

export async function measureStages(work: string): Promise<Figures> {
  const columns: Times[] = [];
  for (const releases of HISTORIES) {
    const directory = join(work, `stages-${releases}`);
    columns.push(await measureAt(directory, releases));
    rmSync(directory, { recursive: true });
  }
  const totals = columns.map((times) => Object.values(times).reduce((sum, ms) => sum + ms, 0));
  const ratios = totals.map((total) => (total / (totals[0] ?? total)).toFixed(2));
  return {
    title: 'Stages of a change',
    note:
      'One small change of one file through all seven stages, each command a process of its own that opens its key and asks a release server on loopback with one install; ' +
      `medians of ${RUNS} changes, the first not counted. The releases before it are of twenty capabilities, each offered and done. Goal: at most 1.5 times what it is at ${HISTORIES[0]}.`,
    head: ['', ...HISTORIES.map((releases) => `${releases.toLocaleString('en')} releases`)],
    rows: [
      ...STAGES.map((stage) => [`\`${stage}\``, ...columns.map((times) => formatMs(times[stage]))]),
      ['all seven', ...totals.map(formatMs)],
      [`over that at ${HISTORIES[0]}`, ...ratios],
    ],
  };
}

async function measureAt(work: string, releases: number): Promise<Times> {
  const vendor = await startVendorWithHistory(work, releases);
  try {
    const agent = await enrolAgent(vendor.url, {
      authorization: `Bearer ${vendor.token}`,
      'content-type': 'application/json',
    });
    const runs: Times[] = [];
    for (let run = 0; run <= RUNS; run++) runs.push(await walk(vendor, agent, run + 1));
    const counted = runs.slice(1);
    return Object.fromEntries(
      STAGES.map((stage) => [stage, median(counted.map((times) => times[stage]))]),
    ) as Times;
  } finally {
    await vendor.stop();
  }
}

async function walk(
  vendor: VendorAtWork,
  agent: Awaited<ReturnType<typeof enrolAgent>>,
  run: number,
): Promise<Times> {
  const version = `9.0.${run}`;
  const sources = sourcesOf(vendor, version);
  let id = '';
  const take = (...argv: readonly string[]) => timed(async () => vendor.run(...argv));
  const open = await timed(async () => {
    const { change } = vendor.run('change', 'open', ...aboutOf(version)) as { change: { id: string } };
    id = change.id;
  });
  const build = await take('build', `core/c0@${version}`, '--change', id, ...sources);
  const verify = await take('verify', id);
  const release = await take('release', id);
  const start = await take('rollout', 'start', id);
  await reportDone(agent, run, version, id);
  const complete = await take('change', 'complete', id);
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
