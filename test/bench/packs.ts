// How small a pack is and how long packing and unpacking take, beside tar and zstd on the same files, both to the disk for good.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../shared/encoding/digest.ts';
import { compareBoth, compareWith } from './comparisons.ts';
import { type Comparison, type Figures, formatMb } from './figures.ts';
import { type Contender, interleave, runShell, type Took } from './rounds.ts';
import { proveSameTree } from './same-tree.ts';
import type { SampleTree } from './sample-tree.ts';
import { lacking, versionsOf } from './tools.ts';
import type { TreeTook } from './tree-child.ts';
import { runTreeAct } from './trees.ts';

const PEER = 'tar, zstd -12 -T2';

export async function measurePacks({ name, directory }: SampleTree, work: string): Promise<Figures> {
  const skip = lacking('tar', 'zstd');
  const [pack, archive] = [join(work, 'full.pack'), join(work, 'files.tar.zst')];
  const { packed, ref } = await packInTurns(directory, pack, archive, skip === undefined);
  const unpacked = await unpackInTurns({ directory, pack, archive, ref, work }, skip === undefined);
  const [bytes, theirs] = [statSync(pack).size, existsSync(archive) ? [statSync(archive).size] : []];
  const peer = { name: PEER, ...(skip === undefined ? {} : { skip }) };
  const peak = Math.max(...unpacked.ours.map(({ peakBytes }) => peakBytes));
  const comparisons: readonly Comparison[] = [
    compareWith({ what: 'bytes to fetch', measure: 'bytes', values: [bytes] }, { ...peer, values: theirs }),
    ...compareBoth('pack', packed.ours, { ...peer, goal: 1.5, took: packed.theirs }),
    ...compareBoth('unpack', unpacked.ours, { ...peer, goal: 0.7, took: unpacked.theirs }),
  ];
  return {
    title: 'Packs',
    note:
      `${name}: ${ref.files.toLocaleString('en')} files, ${formatMb(ref.bytes)}. Fairlead hashes every file while packing ` +
      'and again while unpacking; both sides end with the files on disk for good (`sync -f`). Its clocks start when its code is loaded, those of tar and zstd with their processes. Its process for unpacking, ' +
      `Node and the loaded sources included, peaked at ${formatMb(peak)}. Beside ${versionsOf('tar', 'zstd')}.`,
    comparisons,
  };
}

async function packInTurns(directory: string, pack: string, archive: string, isBeside: boolean) {
  let ref: TreeTook['ref'] | undefined;
  const ours: Contender<Took> = {
    name: 'Fairlead',
    run: async () => {
      const took = await runTreeAct('pack', directory, pack);
      ref = took.ref;
      return took;
    },
    prove: proveSameFile(pack),
  };
  const tar = `tar --sort=name -cf - -C "$directory" . | zstd -q -12 -T2 -f -o "$archive"; sync "$archive"`;
  const theirs: Contender<Took> = {
    ...{ name: PEER, run: () => runShell(tar, { directory, archive }), prove: proveSameFile(archive) },
  };
  const [us = [], them = []] = await interleave(isBeside ? [ours, theirs] : [ours]);
  if (ref === undefined) throw new Error('nothing was packed');
  return { packed: { ours: us, theirs: them }, ref };
}

/** What each of them writes is the same every time; unpacking proves what it holds. */
function proveSameFile(file: string): () => void {
  let first: string | undefined;
  return () => {
    const digest = digestOf(readFileSync(file));
    first ??= digest;
    if (digest !== first) throw new Error(`${file} is another file in another round`);
  };
}

interface Unpacking {
  readonly directory: string;
  readonly pack: string;
  readonly archive: string;
  readonly ref: TreeTook['ref'];
  readonly work: string;
}

async function unpackInTurns({ directory, pack, archive, ref, work }: Unpacking, isBeside: boolean) {
  const [state, target] = [join(work, 'state'), join(work, 'untarred')];
  const ours: Contender<TreeTook> = {
    name: 'Fairlead',
    run: () => runTreeAct('unpack', pack, JSON.stringify(ref), state),
    prove: () => {
      proveSameTree(directory, join(state, 'store/trees', hexOf(ref.digest), 'files'), 'the pack');
      rmSync(state, { recursive: true });
    },
  };
  const theirs: Contender<Took> = {
    name: PEER,
    run: () => {
      mkdirSync(target);
      const untar = 'zstd -q -dc "$archive" | tar -xf - -C "$target"; sync -f "$target"';
      return runShell(untar, { archive, target });
    },
    prove: () => {
      proveSameTree(directory, target, 'the archive');
      rmSync(target, { recursive: true });
    },
  };
  const [us = [], them = []] = await interleave<Took>(isBeside ? [ours, theirs] : [ours]);
  return { ours: us as readonly TreeTook[], theirs: them };
}
