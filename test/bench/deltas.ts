// How small a patch is, what making and applying it takes, beside the tools that compare two archives.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readTree } from '../../server/vendor/workspace/tree-reader.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { treeDigest } from '../../shared/tree/tree-index.ts';
import type { DeltaResult } from './delta-child.ts';
import { generatePair, provideCorpus, type TreePair } from './delta-corpus.ts';
import { type Figures, formatMb, formatMs } from './figures.ts';
import { runNode } from './processes.ts';

/** The slowest, bsdiff on a binary of 120 MB, takes minutes. */
const LIMIT_MS = 30 * 60_000;

interface Peer {
  readonly name: string;
  /** What has to be installed. */
  readonly program: string;
  /** Writes the difference to `$out`. The bench's own text, never input. */
  readonly make: string;
  /** Writes the new archive to `$back`. */
  readonly apply: string;
}

/** `$old` and `$new` are archives of the two trees. */
const PEERS: readonly Peer[] = [
  {
    ...{ name: 'xdelta3 -9', program: 'xdelta3' },
    make: 'xdelta3 -9 -e -f -B 536870912 -s "$old" "$new" "$out"',
    apply: 'xdelta3 -d -f -B 536870912 -s "$old" "$out" "$back"',
  },
  {
    ...{ name: 'bsdiff', program: 'bsdiff' },
    make: 'bsdiff "$old" "$new" "$out"',
    apply: 'bspatch "$old" "$back" "$out"',
  },
  {
    ...{ name: 'zstd --patch-from -19', program: 'zstd' },
    make: 'zstd -q -f -19 --long=31 --patch-from="$old" "$new" -o "$out"',
    apply: 'zstd -q -f -d --long=31 --patch-from="$old" "$out" -o "$back"',
  },
  {
    ...{ name: 'zstd -19 of all', program: 'zstd' },
    make: 'zstd -q -f -19 "$new" -o "$out"',
    apply: 'zstd -q -f -d "$out" -o "$back"',
  },
  {
    ...{ name: 'casync', program: 'casync' },
    // What of the new archive's chunks the old one's store does not have.
    make:
      'rm -rf "$out.a" "$out.b" && casync make --store="$out.a" "$out.caibx" "$old" >/dev/null && ' +
      'casync make --store="$out.b" "$out.caibx" "$new" >/dev/null && ' +
      '{ cat "$out.caibx"; cd "$out.b" && find . -type f | while read -r f; do [ -e "$out.a/$f" ] || cat "$f"; done; } >"$out"',
    // It would take what stands there for a seed, and stumble over its own writing.
    apply: 'rm -f "$back" && casync extract --store="$out.b" "$out.caibx" "$back" >/dev/null',
  },
];

export async function measureDeltas(work: string, isOffline: boolean): Promise<Figures> {
  const pairs = isOffline ? [generatePair(work)] : await provideCorpus();
  const rows: string[][] = [];
  for (const pair of pairs) rows.push(await measurePair(pair, work));
  return {
    title: 'Patches',
    note:
      'Bytes of a patch, and of what other tools make of two archives of the same trees. What came of each was compared ' +
      'with the new tree, ours by the digest of every file, link, mode and empty directory. CPU is what making it took; ' +
      'peak is the memory of the process that applied it, Node and the loaded sources included.',
    head: ['', 'Fairlead', 'CPU', 'apply', 'peak', ...PEERS.map(({ name }) => name), 'CPU of zstd -19'],
    rows,
  };
}

async function measurePair({ name, from, to }: TreePair, work: string): Promise<string[]> {
  const patch = join(work, 'a.patch');
  const into = join(work, 'patched');
  const made = await runChild(['make', patch, from, to]);
  mkdirSync(into);
  const applied = await runChild(['apply', patch, from, into, JSON.stringify(made.ref)]);
  const digest = treeDigest(await readTree(into));
  if (digest !== made.ref.digest) throw new Error(`the patch of ${name} came to another tree`);
  rmSync(into, { recursive: true });
  const peers = measurePeers({ name, from, to }, work);
  const full = peers.find(({ peer }) => peer.name === 'zstd -19 of all');
  return [
    ...[name, formatBytes(statSync(patch).size), formatMs(made.cpuMs), formatMs(applied.ms)],
    formatMb(applied.peakBytes),
    ...peers.map(({ text }) => text),
    full?.cpuMs === undefined ? '–' : formatMs(full.cpuMs),
  ];
}

async function runChild(words: readonly string[]): Promise<DeltaResult & { readonly ref: TreeRef }> {
  const script = join(import.meta.dirname, 'delta-child.ts');
  const output = await runNode([script, ...words], { limitMs: LIMIT_MS });
  return JSON.parse(output ?? '{}') as DeltaResult;
}

function measurePeers({ name, from, to }: TreePair, work: string) {
  const files = { old: join(work, 'old.tar'), new: join(work, 'new.tar') };
  const tar = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  for (const [file, directory] of [[files.old, from] as const, [files.new, to] as const]) {
    execFileSync('tar', [...tar, '-cf', file, '-C', directory, '.']);
  }
  return PEERS.map((peer) => {
    if (!existsSync(join('/usr/bin', peer.program))) {
      return { peer, text: `SKIP: install ${peer.program}` };
    }
    const env = { ...process.env, ...files, out: join(work, 'peer'), back: join(work, 'back.tar') };
    const before = childrenMs();
    runShell(peer.make, env);
    const cpuMs = childrenMs() - before;
    runShell(peer.apply, env);
    runShell('cmp "$new" "$back"', { ...env, name });
    return { peer, cpuMs, text: formatBytes(statSync(env.out).size) };
  });
}

function runShell(command: string, env: NodeJS.ProcessEnv): void {
  execFileSync('bash', ['-c', command], { env, stdio: ['ignore', 'ignore', 'inherit'], timeout: LIMIT_MS });
}

/** Processor time of the children that have ended: the 16th and 17th fields, in hundredths. */
function childrenMs(): number {
  const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
  const fields = stat.split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : formatMb(bytes);
}
