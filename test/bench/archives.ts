// The tools that compare two archives of the same trees: how each makes its difference and goes back from it, and how small that is.
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheDirectory } from './cache.ts';
import type { TreePair } from './corpus.ts';
import { runShell } from './rounds.ts';
import { lacking, type Tool, versionsOf } from './tools.ts';

export interface ArchivePeer {
  readonly name: string;
  /** What has to be installed. */
  readonly tool: Tool;
  /** Writes the difference to `$out`. The bench's own text, never input. */
  readonly make: string;
  /** Writes the new archive to `$back`. */
  readonly apply: string;
}

/** All of the new archive, not a difference. */
export const FULL: ArchivePeer = {
  ...{ name: 'zstd -19 of all', tool: 'zstd' },
  make: 'zstd -q -f -19 "$new" -o "$out"',
  apply: 'zstd -q -f -d "$out" -o "$back"',
};

/** The best of these is what a patch is measured against. `$old` and `$new` are archives of the two trees. */
export const DIFFERENCES: readonly ArchivePeer[] = [
  {
    ...{ name: 'xdelta3 -9', tool: 'xdelta3' },
    make: 'xdelta3 -9 -e -f -B 536870912 -s "$old" "$new" "$out"',
    apply: 'xdelta3 -d -f -B 536870912 -s "$old" "$out" "$back"',
  },
  {
    ...{ name: 'bsdiff', tool: 'bsdiff' },
    make: 'bsdiff "$old" "$new" "$out"',
    apply: 'bspatch "$old" "$back" "$out"',
  },
  {
    ...{ name: 'zstd --patch-from -19', tool: 'zstd' },
    make: 'zstd -q -f -19 --long=31 --patch-from="$old" "$new" -o "$out" 2>/dev/null',
    apply: 'zstd -q -f -d --long=31 --patch-from="$old" "$out" -o "$back"',
  },
];

export const CASYNC: ArchivePeer = {
  ...{ name: 'casync', tool: 'casync' },
  // What of the new archive's chunks the old one's store does not have.
  make:
    'rm -rf "$out.a" "$out.b" && casync make --store="$out.a" "$out.caibx" "$old" && ' +
    'casync make --store="$out.b" "$out.caibx" "$new" && cat "$out.caibx" >"$out" && ' +
    '(cd "$out.b" && find . -type f | while read -r f; do [ -e "$out.a/$f" ] || cat "$f"; done) >>"$out"',
  // It would take what stands there for a seed, and stumble over its own writing.
  apply: 'rm -f "$back" && casync extract --store="$out.b" "$out.caibx" "$back"',
};

export interface Archives {
  readonly old: string;
  readonly new: string;
}

/** The same bytes from the same trees on every machine. */
export async function archive({ from, to }: TreePair, work: string): Promise<Archives> {
  mkdirSync(work, { recursive: true });
  const archives = { old: join(work, 'old.tar'), new: join(work, 'new.tar') };
  const options = '--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX';
  for (const [file, directory] of [[archives.old, from] as const, [archives.new, to] as const]) {
    await runShell(`tar ${options} -cf "$file" -C "$directory" .`, { file, directory });
  }
  return archives;
}

export interface Difference {
  readonly name: string;
  readonly bytes: number | null;
  readonly skip?: string;
}

/**
 * How large a tool's difference is. What comes back of it is compared byte for byte first. A tool makes the same of the same
 * archives every time and may need minutes, so what a version of it made of them is asked once and noted in the cache.
 */
export async function sizeOfDifference(
  peer: ArchivePeer,
  archives: Archives,
  work: string,
): Promise<Difference> {
  const skip = lacking(peer.tool);
  if (skip !== undefined) return { name: peer.name, bytes: null, skip };
  const digests = [await digestOfFile(archives.old), await digestOfFile(archives.new)];
  const asked = [versionsOf(peer.tool), peer.make, ...digests].join('\n');
  const note = join(cacheDirectory(), 'sizes', `${createHash('sha256').update(asked).digest('hex')}.json`);
  if (existsSync(note)) return { name: peer.name, bytes: JSON.parse(readFileSync(note, 'utf8')) as number };
  const name = peer.name.replaceAll(' ', '');
  const env = { ...archives, out: join(work, name), back: join(work, `${name}.tar`) };
  await runShell(peer.make, env);
  await runShell(peer.apply, env);
  await runShell('cmp "$new" "$back"', env);
  const bytes = statSync(env.out).size;
  await runShell('rm -rf "$back" "$out"*', env);
  mkdirSync(dirname(note), { recursive: true });
  writeFileSync(`${note}.${process.pid}`, JSON.stringify(bytes));
  renameSync(`${note}.${process.pid}`, note);
  return { name: peer.name, bytes };
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest('hex');
}
