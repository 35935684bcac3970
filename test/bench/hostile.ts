// What hostile inputs cost: the largest metadata file in each shape, and a megabyte of a tree's index in each shape.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { HOSTILE_INDEXES, measureSlices } from '../support/hostile-indexes.ts';
import { type Figures, formatMs } from './figures.ts';

/** What is read to the end, and the densest that is not. */
export const READ_SHAPES = ['honest targets', 'as many names as may be', 'long texts of two bytes'] as const;
const REFUSED_SHAPES = ['objects of one key, all different', 'arrays in arrays'] as const;

export interface HostileCost {
  readonly outcome: string;
  /** The peak of resident bytes that reading adds, over the bytes of the file. */
  readonly timesItsBytes: number;
  readonly cpuMs: number;
  /** Of the loop of an agent that verifies it beside. */
  readonly longestTurnMs: number;
}

/** In a process of its own. */
export function measureHostileMetadata(shape: string, mebibytes: number): HostileCost {
  const child = join(import.meta.dirname, 'hostile-child.ts');
  const argv = ['--expose-gc', child, shape, String(mebibytes)];
  return JSON.parse(execFileSync(process.execPath, argv, { encoding: 'utf8' }));
}

export async function measureHostile(): Promise<Figures> {
  const metadata = [...READ_SHAPES, ...REFUSED_SHAPES].map((shape) => {
    const { outcome, timesItsBytes, cpuMs, longestTurnMs } = measureHostileMetadata(shape, 16);
    return [
      `targets of 16 MiB: ${shape}`,
      outcome,
      `${timesItsBytes} ×`,
      formatMs(cpuMs),
      formatMs(longestTurnMs),
    ];
  });
  const indexes = HOSTILE_INDEXES.map(([shape, bytes]) => {
    const { total, longest } = measureSlices(bytes);
    return [`index of 1 MiB: ${shape}`, 'read or refused', '', formatMs(total), formatMs(longest)];
  });
  return {
    title: 'Hostile inputs',
    note:
      'Rightly hashed metadata whose signature does not verify, as an agent reads it, each in a process of its own; and ' +
      'indexes of trees, read in slices. Peak is what resident memory grows by, over the bytes of the input. Before structure was ' +
      'bounded, 33 MB of metadata took 1.2 GB; before each link was followed once, 144 kB of an index held an agent for 108 s; before large ' +
      'metadata was verified beside the loop, its processor time was one turn.',
    head: ['input', 'outcome', 'peak', 'processor time', 'longest turn'],
    rows: [...metadata, ...indexes],
  };
}
