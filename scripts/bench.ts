// The bench's entry: reads the options, measures one subject after another, prints what it found.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureCompile } from '../test/bench/compile.ts';
import { type Figures, renderFigures } from '../test/bench/figures.ts';
import { measureForced } from '../test/bench/forced.ts';
import { measureHistory } from '../test/bench/history.ts';
import { measureHostile } from '../test/bench/hostile.ts';
import { measureLists } from '../test/bench/lists.ts';
import { measureMemory } from '../test/bench/memory.ts';
import { measureMetadata } from '../test/bench/metadata.ts';
import { measurePacks } from '../test/bench/packs.ts';
import { measureRollback } from '../test/bench/rollback.ts';
import { generateTree, provideNodeRed } from '../test/bench/sample-tree.ts';
import { measureServer } from '../test/bench/server.ts';
import { measureStartup } from '../test/bench/startup.ts';
import { measureTraffic } from '../test/bench/traffic.ts';

const USAGE = `Usage: scripts/bench [--offline] [--write]

Measures on this machine, over loopback only: start-up, memory of an idle agent, metadata refresh, a long
history, compile, hostile inputs, one sender among many, lists of a large fleet, a forced patch, the traffic switch, packs, and the way back from a failed update of Node-RED and Verdaccio.

  --offline   nothing from the npm registry: pack a generated tree, leave out the real applications
  --write     write the figures to docs/figures.md
  --help      print this
`;

const { values } = parseArgs({
  options: { offline: { type: 'boolean' }, write: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (values.help === true) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  const sections = [introduction()];
  console.log(sections[0]);
  const measure = async (run: () => Promise<Figures>) => {
    const text = renderFigures(await run());
    console.log(`\n${text}`);
    sections.push(text);
  };
  try {
    await measure(measureStartup);
    await measure(() => measureMemory(work));
    await measure(() => measureMetadata(work));
    await measure(() => measureHistory(work));
    await measure(measureCompile);
    await measure(measureHostile);
    await measure(() => measureServer(work));
    await measure(() => measureLists(work));
    await measure(() => measureForced(work));
    await measure(() => measureTraffic(work));
    const sample = values.offline === true ? generateTree(join(work, 'generated')) : await provideNodeRed();
    await measure(() => measurePacks(sample, work));
    if (values.offline !== true) await measure(() => measureRollback(work));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (values.write === true) {
    const path = join(import.meta.dirname, '../docs/figures.md');
    // What the fault laboratory found stands behind its own marker.
    const [faults = ''] = /\n<!-- faults[\s\S]*$/.exec(readFileSync(path, 'utf8')) ?? [];
    writeFileSync(path, `${sections.join('\n\n')}\n${faults}`);
  }
}

function introduction(): string {
  const processors = cpus();
  return [
    '# Figures',
    '',
    `Measured in one run of \`scripts/bench\` on ${processors.length} × ${processors[0]?.model ?? 'unknown processor'}, Node ${process.version}.`,
  ].join('\n');
}
