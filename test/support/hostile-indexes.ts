// Indexes made to cost time, a megabyte each, and what reading one in slices costs.
import { canonicalize } from '../../shared/encoding/canonical.ts';
import { parseTreeIndexSliced } from '../../shared/tree/parse-index.ts';
import type { TreeEntry } from '../../shared/tree/tree-index.ts';

export const MIB = 2 ** 20;

export const directory = (path: string) => ({ kind: 'directory' as const, path });
export const link = (path: string, target: string) => ({ kind: 'link' as const, path, target });

/** Entries up to a megabyte, sorted. */
function fill(entryOf: (i: number) => TreeEntry, bytes = MIB): Uint8Array {
  const entries: TreeEntry[] = [];
  for (let size = 0, i = 0; size < bytes - 4096; i++) {
    const entry = entryOf(i);
    entries.push(entry);
    size += JSON.stringify(entry).length + 1;
  }
  entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  return canonicalize({ schema: 'fairlead/tree@1', entries: entries.map((entry) => ({ ...entry })) });
}

export const name = (i: number) => i.toString(36).padStart(6, '0');

export const HOSTILE_INDEXES: readonly (readonly [string, Uint8Array])[] = [
  // Each link walks two hundred parts through one that walks two hundred more, and so on: once 108 seconds.
  [
    'links that wind through forty links',
    fill((i) => (i < 40 ? link(`l${name(i)}`, wind(i)) : link(`m${name(i)}`, wind(39)))),
  ],
  [
    'links through one long link',
    fill((i) => (i === 0 ? link('a', `b/${'../b/'.repeat(180)}.`) : link(`x${name(i)}`, 'a/'.repeat(300)))),
  ],
  ['links to nowhere, far down', fill((i) => link(name(i), 'x/'.repeat(500)))],
  ['links that climb and return', fill((i) => link(`d/${name(i)}`, '../d/'.repeat(200)))],
  ['links with long ways of their own', fill((i) => link(`${name(i)}/${'a/'.repeat(126)}x`, 'x'))],
  ['directories as deep as may be', fill((i) => directory(`${'a/'.repeat(126)}${name(i)}`))],
  [
    'each path the beginning of the next',
    fill((i) => directory(`${'a'.repeat(200)}${'a'.repeat(i % 50)}${name(i)}`)),
  ],
  ['very many short names', fill((i) => directory(name(i)))],
  ['names of four bytes a letter', fill((i) => directory(`${'\u{1f600}'.repeat(60)}${name(i)}`))],
];

export function wind(i: number): string {
  return i === 0 ? 'end' : `l${name(i - 1)}/${`../l${name(i - 1)}/`.repeat(60)}..`;
}

/** Of this thread alone: the tests may share their machine. */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

export function measureSlices(bytes: Uint8Array): { longest: number; total: number; slices: number } {
  const work = parseTreeIndexSliced(bytes);
  let longest = 0;
  let total = 0;
  let slices = 0;
  for (let done = false; !done; slices++) {
    const start = cpuMs();
    try {
      done = work.next().done === true;
    } catch {
      done = true;
    }
    const took = cpuMs() - start;
    longest = Math.max(longest, took);
    total += took;
  }
  return { longest, total, slices };
}
