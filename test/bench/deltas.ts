// How small a patch is beside the tools that compare two archives, and what making and applying it takes.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { PatchWork } from '../../agent/adapters/tree-store/downloads.ts';
import {
  type Archives,
  archive,
  CASYNC,
  DIFFERENCES,
  type Difference,
  FULL,
  sizeOfDifference,
} from './archives.ts';
import { compareWith, geometricMean, type Peer } from './comparisons.ts';
import { provideCorpus, type TreePair } from './corpus.ts';
import { type Comparison, type Figures, formatBytes, formatMb, formatMs } from './figures.ts';
import { type Applied, applyAsAgent, patchProgram, storeTree } from './patch-child.ts';
import { type Contender, inLanes, interleave, runShell, type Took } from './rounds.ts';
import { proveSameTree } from './same-tree.ts';
import { generatePair } from './sample-tree.ts';
import { lacking, versionsOf } from './tools.ts';
import type { TreeTook } from './tree-child.ts';
import { runTreeAct } from './trees.ts';

/** Of processes that compute and wait for nobody, one for each of the two cores that a small machine has. */
const LANES = 2;
const PEERS = [...DIFFERENCES, CASYNC, FULL];
const BEST = 'the best of xdelta3, bsdiff, zstd --patch-from';
const MEMORY_GOAL = 150e6;

interface Sized {
  readonly pair: TreePair;
  readonly bytes: number;
  readonly applied: Applied;
  readonly differences: readonly Difference[];
}

export async function measureDeltas(work: string, isOffline: boolean): Promise<Figures> {
  const { pairs, skipped } = await pairsOf(work, isOffline);
  const sized: Sized[] = [];
  const program = patchProgram(work, isOffline);
  for (const [place, pair] of pairs.entries()) {
    const directory = join(work, `delta-${place}`);
    sized.push(await measurePair(pair, directory, program));
    rmSync(directory, { recursive: true });
  }
  return {
    title: 'Patches',
    note:
      'Bytes of a patch, and of what other tools make of two archives of the same trees. What came of ours was compared with ' +
      'the new tree by `diff -r`, links, modes and empty directories included, what came of theirs byte for byte. Applying is ' +
      'one run, verified and on the disk for good, by a process of the agent’s executable from its start to its end; peak is the most memory that it had. ' +
      `Beside ${versionsOf('xdelta3', 'bsdiff', 'zstd', 'casync')}.`,
    head: ['', 'patch', 'apply', 'peak', `goal of the peak: ${formatMb(MEMORY_GOAL)}`],
    rows: [
      ...sized.map(({ pair, bytes, applied }) => [
        ...[pair.name, formatBytes(bytes), formatMs(applied.wallMs), formatMb(applied.peakBytes)],
        applied.peakBytes > MEMORY_GOAL ? 'missed' : 'kept',
      ]),
      ...skipped.map((text) => [text, '', '', '', '']),
    ],
    comparisons: [...sized.flatMap(compareSizes), ...compareMeans(sized)],
  };
}

export async function measureMaking(work: string, isOffline: boolean): Promise<Figures> {
  const { pairs, skipped } = await pairsOf(work, isOffline);
  const program = patchProgram(work, isOffline);
  const comparisons = await inLanes(pairs, LANES, async (pair, place) => {
    const directory = join(work, `making-${place}`);
    const found = await compareMaking(pair, directory, program);
    rmSync(directory, { recursive: true });
    return found;
  });
  const note =
    'Processor time of making a patch, every file of both trees read and hashed before, beside compressing all of the new ' +
    `archive; our clock starts when the code is loaded, that of zstd with its process; two pairs at a time, each on a core. Beside ${versionsOf('zstd')}.`;
  return {
    title: 'Making a patch',
    note: [note, ...skipped].join(' '),
    comparisons,
  };
}

async function pairsOf(work: string, isOffline: boolean) {
  return isOffline ? { pairs: [generatePair(join(work, 'pair'))], skipped: [] } : await provideCorpus();
}

async function measurePair(pair: TreePair, work: string, program: readonly string[]): Promise<Sized> {
  const archives = await archive(pair, work);
  const patch = join(work, 'a.patch');
  const made = await runTreeAct('make', patch, pair.from, pair.to);
  const start = await storeTree(pair.from, join(work, 'install'));
  const applied = await applyProved(
    pair,
    { ...start, patch, ref: made.ref, staging: join(work, 'new'), shareable: true },
    program,
  );
  const differences = await inLanes(PEERS, LANES, (peer) => sizeOfDifference(peer, archives, work));
  return { pair, bytes: statSync(patch).size, applied, differences };
}

async function applyProved(
  { name, to }: TreePair,
  work: PatchWork,
  program: readonly string[],
): Promise<Applied> {
  const applied = await applyAsAgent(program, work);
  proveSameTree(to, join(work.staging, 'files'), `the patch of ${name}`);
  rmSync(work.staging, { recursive: true });
  return applied;
}

function compareSizes({ pair, bytes, differences }: Sized): readonly Comparison[] {
  const what = { what: pair.name, measure: 'bytes', values: [bytes] } as const;
  return [
    ...differences.map((one) => compareWith(what, peerOf(one))),
    compareWith(what, { ...peerOf(bestOf(differences)), goal: 1.25 }),
  ];
}

function peerOf({ name, bytes, skip }: Difference): Peer {
  return { name, values: bytes === null ? [] : [bytes], ...(skip === undefined ? {} : { skip }) };
}

/** Skipped where one of them is missing: the best of fewer is no measure. */
function bestOf(differences: readonly Difference[]): Difference {
  const sizes = differences.slice(0, DIFFERENCES.length).flatMap(({ bytes }) => bytes ?? []);
  const skip = lacking(...DIFFERENCES.map(({ tool }) => tool));
  return skip === undefined ? { name: BEST, bytes: Math.min(...sizes) } : { name: BEST, bytes: null, skip };
}

/** Of the corpus: geometric means, and the least and the most ratio in it. */
export function compareMeans(sized: readonly Pick<Sized, 'bytes' | 'differences'>[]): readonly Comparison[] {
  if (sized.length < 2) return [];
  const what = { what: `geometric mean of ${sized.length}`, measure: 'bytes' } as const;
  const ours = geometricMean(sized.map(({ bytes }) => bytes));
  return [[BEST, 1] as const, [CASYNC.name, 0.1] as const, [FULL.name, 0.05] as const].map(([peer, goal]) => {
    const found = sized.flatMap(({ differences }) =>
      [...differences, bestOf(differences)].filter(({ name }) => name === peer),
    );
    const of = { ...what, peer, goal, ours, rounds: sized.length, isNoisy: false, isLate: false };
    const skip = found.find((one) => one.skip !== undefined)?.skip;
    if (skip !== undefined) return { ...of, theirs: null, ratio: null, skip };
    const theirs = found.map(({ bytes }) => bytes ?? Number.NaN);
    const ratios = sized.map(({ bytes }, i) => bytes / (theirs[i] ?? Number.NaN));
    const ratio = { median: geometricMean(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
    return { ...of, theirs: geometricMean(theirs), ratio };
  });
}

async function compareMaking(pair: TreePair, work: string, program: readonly string[]): Promise<Comparison> {
  const archives: Archives = await archive(pair, work);
  const start = await storeTree(pair.from, join(work, 'install'));
  const [patch, out] = [join(work, 'a.patch'), join(work, 'full')];
  const skip = lacking('zstd');
  let made: TreeTook | undefined;
  const ours: Contender<Took> = {
    name: 'Fairlead',
    run: async () => {
      made = await runTreeAct('make', patch, pair.from, pair.to);
      return made;
    },
    prove: async () => {
      if (made === undefined) return;
      await applyProved(
        pair,
        { ...start, patch, ref: made.ref, staging: join(work, 'new'), shareable: true },
        program,
      );
    },
  };
  const back = join(work, 'back');
  const theirs: Contender<Took> = {
    name: FULL.name,
    run: () => runShell(FULL.make, { ...archives, out }),
    prove: async () =>
      void (await runShell(`${FULL.apply} && cmp "$new" "$back"`, { ...archives, out, back })),
  };
  const [us = [], them = []] = await interleave(skip === undefined ? [ours, theirs] : [ours]);
  const cpu = (tooks: readonly Took[]) => tooks.map(({ cpuMs }) => cpuMs);
  return compareWith(
    { what: pair.name, measure: 'CPU', values: cpu(us) },
    { name: FULL.name, goal: 0.3, values: cpu(them), ...(skip === undefined ? {} : { skip }) },
  );
}
