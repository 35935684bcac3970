// What deviations of a tree mean: damage takes away what was signed, an addition only stands beside it.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Drift } from '../../../shared/schema/deployment.ts';

/** As the store of trees found it. */
export interface Deviation {
  readonly path: string;
  readonly problem: 'missing' | 'changed' | 'unexpected';
}

/** A program that lacks a file or has another one is not what was signed. A cache beside it leaves it what it was. */
export function isDamage({ problem }: Deviation): boolean {
  return problem !== 'unexpected';
}

/** For the record: how the files of a version looked when it was left. */
export function driftOf(component: ComponentKey, deviations: readonly Deviation[], mended: boolean): Drift {
  const damage = deviations.filter(isDamage);
  const example = sanitizeLine((damage[0] ?? deviations[0])?.path ?? '', 200);
  return { component, added: deviations.length - damage.length, damaged: damage.length, mended, example };
}
