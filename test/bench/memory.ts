// What an idle agent keeps in memory, beside a bare Node, and which dependency brings how much of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSources } from '../support/source-tree.ts';
import { enrol, startEmptyVendor } from './empty-vendor.ts';
import { type Figures, formatMb, median } from './figures.ts';
import { idleResidentBytes, runNode } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const FAIRLEAD = join(ROOT, 'scripts/bin/fairlead');
const IDLE_MS = 5_000;
const RUNS = 3;

export async function measureMemory(work: string): Promise<Figures> {
  const agent = await measureAgent(join(work, 'idle-agent'));
  const bare = await idleResidentBytes(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'], IDLE_MS);
  const nothing = await importedBytes(null);
  const shares: { readonly name: string; readonly bytes: number }[] = [];
  for (const name of agentPackages()) shares.push({ name, bytes: (await importedBytes(name)) - nothing });
  const stripping = (await importedBytes(join(ROOT, 'shared/encoding/bytes.ts'))) - nothing;
  return {
    title: 'Memory of an idle agent',
    note:
      `Resident after ${IDLE_MS / 1000} s in which the agent polled a loopback server once and reported. Below it, what ` +
      'importing each dependency of the program alone adds to a bare Node; what two of them share counts for both, and ' +
      'some, such as the prompts, load only for the commands that need them.',
    head: ['', 'resident'],
    rows: [
      ['`fairlead agent run`', formatMb(agent)],
      ['`node`, doing nothing', formatMb(bare)],
      ['Node’s type stripping, which a bundled program does without', `+ ${formatMb(stripping)}`],
      ...shares
        .toSorted((a, b) => b.bytes - a.bytes)
        .map(({ name, bytes }) => [`\`${name}\``, `+ ${formatMb(Math.max(bytes, 0))}`]),
    ],
  };
}

async function measureAgent(stateDir: string): Promise<number> {
  const vendor = await startEmptyVendor();
  try {
    await enrol(stateDir, vendor);
    const bytes = await idleResidentBytes(FAIRLEAD, ['agent', 'run', '--state-dir', stateDir], IDLE_MS);
    if (vendor.requests() === 0) throw new Error('the agent did not poll: its memory would mean nothing');
    return bytes;
  } finally {
    vendor.close();
  }
}

/** What the agent's sources import from packages, by the names they import it under. */
function agentPackages(): readonly string[] {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const packages = Object.keys(dependencies);
  const names = new Set(readSources('shared', 'agent').flatMap((source) => source.externals));
  return [...names].filter((name) => packages.some((own) => name === own || name.startsWith(`${own}/`)));
}

async function importedBytes(specifier: string | null): Promise<number> {
  const load = specifier === null ? '' : `await import(${JSON.stringify(specifier)});`;
  const script = `${load} setTimeout(() => console.log(process.memoryUsage.rss()), 200)`;
  const sizes: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    sizes.push(Number(await runNode(['--input-type=module', '-e', script], { cwd: ROOT })));
  }
  return median(sizes);
}
