// What an idle agent keeps in memory, beside a bare Node, and which dependency brings how much of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAdminClient } from '../../agent/adapters/admin/admin-client.ts';
import { explanationReply } from '../../shared/protocol/admin.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { readSources } from '../support/source-tree.ts';
import { type Figures, formatMb, median } from './figures.ts';
import { runNode, startProgram } from './processes.ts';
import { enrol, publishAll, startVendor, type Vendor } from './vendor.ts';

const ROOT = join(import.meta.dirname, '../..');
const FAIRLEAD = join(ROOT, 'scripts/bin/fairlead');
const IDLE_MS = 5_000;
const RUNS = 3;
const POLLS = 1_000;

export async function measureMemory(work: string): Promise<Figures> {
  // Once unmeasured: the first start compiles, later ones read what it kept.
  await measureAgent(join(work, 'first-agent'));
  const agents: number[] = [];
  for (let run = 0; run < RUNS; run++) agents.push(await measureAgent(join(work, `idle-agent-${run}`)));
  const polled = await measureAgent(join(work, 'polled-agent'), POLLS);
  const bare = await measureBareNode();
  const nothing = await importedBytes([]);
  const shares: { readonly name: string; readonly bytes: number }[] = [];
  for (const [name, specifiers] of agentImports()) {
    shares.push({ name, bytes: (await importedBytes(specifiers)) - nothing });
  }
  const stripping = (await importedBytes([join(ROOT, 'shared/encoding/bytes.ts')])) - nothing;
  return {
    title: 'Memory of an idle agent',
    note:
      `Resident ${IDLE_MS / 1000} s after the agent polled a loopback server and reported, median of ${RUNS}. Below it, what ` +
      'importing what the program uses of each dependency, alone and not compiled before, adds to a bare Node; what two ' +
      'of them share counts for both, and some, such as the prompts, load only for the commands that need them.',
    head: ['', 'resident'],
    rows: [
      ['`fairlead agent run`', formatMb(median(agents))],
      [`the same after ${POLLS.toLocaleString('en')} polls`, formatMb(polled)],
      ['`node`, doing nothing', formatMb(bare)],
      ['Node’s type stripping, at the first start from the sources only', `+ ${formatMb(stripping)}`],
      ...shares
        .toSorted((a, b) => b.bytes - a.bytes)
        .map(({ name, bytes }) => [`\`${name}\``, `+ ${formatMb(Math.max(bytes, 0))}`]),
    ],
  };
}

async function measureAgent(stateDir: string, polls = 0): Promise<number> {
  const vendor = await startVendor(publishAll(new RepositorySimulator()));
  try {
    return await restingAgentBytes(stateDir, vendor, polls);
  } finally {
    vendor.close();
  }
}

/** Bytes resident in an agent that has been at rest for a while after it asked the vendor and reported. */
export async function restingAgentBytes(stateDir: string, vendor: Vendor, polls = 0): Promise<number> {
  await enrol(stateDir, vendor);
  const agent = startProgram(FAIRLEAD, ['agent', 'run', '--state-dir', stateDir]);
  while (vendor.requests() === 0) await agent.rest(1_000);
  const client = createAdminClient(stateDir);
  for (let poll = 0; poll < polls; poll++) await client.call('POST', '/v1/check', explanationReply);
  // It tidies its memory after a poll of its own.
  const asked = vendor.requests();
  while (polls > 0 && vendor.requests() === asked) await agent.rest(1_000);
  await agent.rest(IDLE_MS);
  const bytes = agent.residentBytes();
  await agent.stop();
  return bytes;
}

async function measureBareNode(): Promise<number> {
  const node = startProgram(process.execPath, ['-e', 'setInterval(() => {}, 1e9)']);
  await node.rest(IDLE_MS);
  const bytes = node.residentBytes();
  await node.stop();
  return bytes;
}

/** What the agent's sources import, by package: not always all of it. */
function agentImports(): ReadonlyMap<string, readonly string[]> {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const packages = Object.keys(dependencies);
  const names = [...new Set(readSources('shared', 'agent').flatMap((source) => source.externals))];
  const importsOf = (own: string) => {
    // Where parts are imported, the whole is named for its types only.
    const parts = names.filter((name) => name.startsWith(`${own}/`));
    return parts.length > 0 ? parts : names.filter((name) => name === own);
  };
  return new Map(
    packages.map((own) => [own, importsOf(own)] as const).filter(([, specifiers]) => specifiers.length > 0),
  );
}

async function importedBytes(specifiers: readonly string[]): Promise<number> {
  const load = specifiers.map((specifier) => `await import(${JSON.stringify(specifier)});`).join(' ');
  const script = `${load} setTimeout(() => console.log(process.memoryUsage.rss()), 200)`;
  const sizes: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    sizes.push(Number(await runNode(['--input-type=module', '-e', script], { cwd: ROOT })));
  }
  return median(sizes);
}
