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
  // Once unmeasured: the first start compiles, later ones read what it kept.
  await measureAgent(join(work, 'first-agent'));
  const agent = await measureAgent(join(work, 'idle-agent'));
  const bare = await idleResidentBytes(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'], IDLE_MS);
  const nothing = await importedBytes([]);
  const shares: { readonly name: string; readonly bytes: number }[] = [];
  for (const [name, specifiers] of agentImports()) {
    shares.push({ name, bytes: (await importedBytes(specifiers)) - nothing });
  }
  const stripping = (await importedBytes([join(ROOT, 'shared/encoding/bytes.ts')])) - nothing;
  return {
    title: 'Memory of an idle agent',
    note:
      `Resident after ${IDLE_MS / 1000} s in which the agent polled a loopback server once and reported. Below it, what ` +
      'importing what the program uses of each dependency, alone and not compiled before, adds to a bare Node; what two ' +
      'of them share counts for both, and some, such as the prompts, load only for the commands that need them.',
    head: ['', 'resident'],
    rows: [
      ['`fairlead agent run`', formatMb(agent)],
      ['`node`, doing nothing', formatMb(bare)],
      ['Node’s type stripping, at the first start from the sources only', `+ ${formatMb(stripping)}`],
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
