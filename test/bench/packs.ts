// How small a pack is and how long packing and unpacking take, beside tar and zstd on the same files.
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writePack } from '../../server/vendor/workspace/pack-writer.ts';
import { readTree } from '../../server/vendor/workspace/tree-reader.ts';
import { treeRefOf } from '../../shared/tree/tree-index.ts';
import { type Figures, formatMb, formatMs, median, timed } from './figures.ts';
import { runNode, timeShell } from './processes.ts';
import type { SampleTree } from './sample-tree.ts';
import type { UnpackResult } from './unpack-child.ts';

const RUNS = 3;

export async function measurePacks(sample: SampleTree, work: string): Promise<Figures> {
  const pack = join(work, 'full.pack');
  // Once unmeasured: both then read the files from memory.
  const ref = treeRefOf(await readTree(sample.directory));
  const packMs = await timed(async () => writePack(sample.directory, await readTree(sample.directory), pack));
  const unpacked = await repeat(() => unpackWithFairlead(pack, ref, work));
  const tar = await measureTar(sample.directory, work);
  const unpackMs = median(unpacked.map(({ ms }) => ms));
  const peak = Math.max(...unpacked.map(({ peakBytes }) => peakBytes));
  return {
    title: 'Packs',
    note:
      `${sample.name}: ${ref.files.toLocaleString('en')} files, ${formatMb(ref.bytes)}. Fairlead hashes every file while packing ` +
      'and again while unpacking; both sides end with the files on disk for good (`sync -f`). ' +
      `Unpacking is the median of ${RUNS} runs; its process, Node and the loaded sources included, peaked at ${formatMb(peak)}.`,
    head: ['', 'Fairlead', 'tar, zstd -12 -T2'],
    rows: [
      ['bytes to fetch', formatMb(statSync(pack).size), tar === null ? '–' : formatMb(tar.bytes)],
      ['pack', formatMs(packMs), tar === null ? '–' : formatMs(tar.packMs)],
      ['unpack', formatMs(unpackMs), tar === null ? '–' : formatMs(tar.unpackMs)],
    ],
  };
}

async function unpackWithFairlead(pack: string, ref: object, work: string): Promise<UnpackResult> {
  const state = join(work, 'state');
  const script = join(import.meta.dirname, 'unpack-child.ts');
  const output = await runNode([script, pack, JSON.stringify(ref), state]);
  rmSync(state, { recursive: true });
  return JSON.parse(output ?? '{}') as UnpackResult;
}

/** Null where tar or zstd is not installed. */
async function measureTar(directory: string, work: string) {
  if (!['/usr/bin/zstd', '/usr/bin/tar'].every(existsSync)) return null;
  const file = join(work, 'files.tar.zst');
  const target = join(work, 'untarred');
  const packMs = await timeShell(
    `tar --sort=name -cf - -C '${directory}' . | zstd -q -12 -T2 -f -o '${file}' && sync '${file}'`,
  );
  const times = await repeat(async () => {
    mkdirSync(target);
    const ms = await timeShell(`zstd -q -dc '${file}' | tar -xf - -C '${target}' && sync -f '${target}'`);
    rmSync(target, { recursive: true });
    return ms;
  });
  return { bytes: statSync(file).size, packMs, unpackMs: median(times) };
}

async function repeat<T>(run: () => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let i = 0; i < RUNS; i++) results.push(await run());
  return results;
}
