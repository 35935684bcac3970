// The bench's entry: reads the options, measures one subject after another, prints what it found.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureAnalytics } from '../test/bench/analytics.ts';
import { measureBackup } from '../test/bench/backup.ts';
import { measureCompile } from '../test/bench/compile.ts';
import { measureCompliance } from '../test/bench/compliance.ts';
import { measureContainers, measureEngines } from '../test/bench/containers.ts';
import { measureDeltas } from '../test/bench/deltas.ts';
import { measureExecutable } from '../test/bench/executable.ts';
import { type Figures, introduction, renderFigures, writeFigures } from '../test/bench/figures.ts';
import { measureForced } from '../test/bench/forced.ts';
import { measureHistory } from '../test/bench/history.ts';
import { measureHostile } from '../test/bench/hostile.ts';
import { measureHub } from '../test/bench/hub.ts';
import { measureInstalled } from '../test/bench/installed.ts';
import { measureLists } from '../test/bench/lists.ts';
import { measureMemory } from '../test/bench/memory.ts';
import { measureMetadata } from '../test/bench/metadata.ts';
import { measurePacks } from '../test/bench/packs.ts';
import { measurePolls } from '../test/bench/polls.ts';
import { measureReconnects } from '../test/bench/reconnects.ts';
import { measureReports } from '../test/bench/reports.ts';
import { measureRollback } from '../test/bench/rollback.ts';
import { generateTree, provideNodeRed } from '../test/bench/sample-tree.ts';
import { measureServer } from '../test/bench/server.ts';
import { measureStages } from '../test/bench/stages.ts';
import { measureStartup } from '../test/bench/startup.ts';
import { measureTraffic } from '../test/bench/traffic.ts';
import { measureTwoProcesses } from '../test/bench/two-processes.ts';

const SUBJECTS: Readonly<Record<string, (work: string) => Promise<Figures>>> = {
  startup: measureStartup,
  memory: measureMemory,
  executable: (work) => measureExecutable(work, Number(values.minutes)),
  installed: measureInstalled,
  metadata: measureMetadata,
  history: measureHistory,
  stages: measureStages,
  compile: measureCompile,
  hostile: measureHostile,
  server: measureServer,
  polls: measurePolls,
  reports: measureReports,
  'two-processes': measureTwoProcesses,
  reconnects: measureReconnects,
  hub: measureHub,
  backup: measureBackup,
  lists: measureLists,
  analytics: measureAnalytics,
  ...{ compliance: measureCompliance, forced: measureForced, traffic: measureTraffic },
  ...{ containers: measureContainers, engines: measureEngines },
  packs: async (work) => measurePacks(isOffline ? generateTree(work) : await provideNodeRed(), work),
  deltas: (work) => measureDeltas(work, isOffline),
  rollback: measureRollback,
};

const NEEDS_NETWORK = ['rollback', 'executable'];

const USAGE = `Usage: scripts/bench [--only SUBJECT] [--offline] [--minutes N] [--write]

Measures on this machine, over loopback only: ${Object.keys(SUBJECTS).join(', ')}.

  --only      this subject alone
  --offline   nothing from the npm registry: pack a generated tree, leave out the real applications
  --minutes   how long agents rest side by side under executable; 10 unless given
  --write     write the figures to docs/figures.md
`;

const { values } = parseArgs({
  options: {
    ...{ only: { type: 'string' }, minutes: { type: 'string', default: '10' } },
    ...{ offline: { type: 'boolean' }, write: { type: 'boolean' }, help: { type: 'boolean' } },
  },
});
const isOffline = values.offline === true;
if (values.help === true) console.log(USAGE);
else if (values.only !== undefined && !Object.hasOwn(SUBJECTS, values.only)) {
  console.error(`--only takes one of: ${Object.keys(SUBJECTS).join(', ')}`);
  process.exitCode = 2;
} else await main();

async function main(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  const sections: string[] = [];
  console.log(introduction());
  try {
    for (const [name, measure] of Object.entries(SUBJECTS)) {
      if ((values.only ?? name) !== name || (isOffline && NEEDS_NETWORK.includes(name))) continue;
      const text = renderFigures(await measure(work));
      console.log(`\n${text}`);
      sections.push(text);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (values.write === true) writeFigures(sections, values.only === undefined);
}
