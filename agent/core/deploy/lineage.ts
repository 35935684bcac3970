// Lineage: how what runs came to be, as the records tell: which generation came from which, and each version over which.

import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { compareVersions, type Version } from '../../../shared/version/version.ts';

/** A version on the way up to the one that runs. */
export interface Rung {
  readonly version: Version;
  /** The generation that brought it: under its number lies what the data were before. */
  readonly generation: number;
  /** The newest that ran it since. */
  readonly last: number;
  /** It came over the version below it; false where that is not known, or where it came from above. */
  readonly isAscent: boolean;
}

/** Of each component the versions whose data lie one over the other, the oldest first; versions only ever rise. */
export type Lineage = ReadonlyMap<ComponentKey, readonly Rung[]>;

type Records = readonly DeploymentRecord[];

/** `current` runs; `records` are the oldest first. Where one is missing, nothing before it counts as known. */
export function lineageOf(records: Records, current: number): Lineage {
  let lineage = new Map<ComponentKey, readonly Rung[]>();
  let at: number | null = null;
  for (const record of records.filter(({ state }) => state === 'committed')) {
    if (record.previousGeneration !== at) lineage = cutOff(lineage);
    for (const step of record.steps)
      lineage.set(step.component, climb(lineage.get(step.component) ?? [], step, record));
    at = record.generation;
  }
  return at === current ? lineage : cutOff(lineage);
}

type Move = Pick<DeploymentRecord['steps'][number], 'from' | 'to'>;

function climb(rungs: readonly Rung[], { from, to }: Move, record: DeploymentRecord): readonly Rung[] {
  if (to === null) return [];
  const { generation, previousGeneration } = record;
  const last = previousGeneration ?? generation;
  const arrived: Rung = { version: to, generation, last: generation, isAscent: false };
  if (from === null) return [arrived];
  const top = rungs.at(-1);
  const known = top?.version === from ? rungs : [{ ...arrived, version: from, generation: last }];
  const kept = known.filter(({ version }) => compareVersions(version, to) <= 0);
  if (kept.at(-1)?.version === to) return kept;
  if (kept.length < known.length) return [...kept, arrived];
  return [
    ...known.slice(0, -1),
    ...known.slice(-1).map((one) => ({ ...one, last })),
    { ...arrived, isAscent: true },
  ];
}

function cutOff(lineage: Lineage): Map<ComponentKey, readonly Rung[]> {
  return new Map(
    [...lineage].map(([component, rungs]) => [
      component,
      rungs.slice(-1).map((top) => ({ ...top, isAscent: false })),
    ]),
  );
}

/** The generation that one was made from, however often a rollback led to it since; null for the first, undefined where no record tells. */
export function originOf(records: Records, generation: number): number | null | undefined {
  const made = records.find((one) => one.generation === generation && one.reason.kind !== 'rollback');
  return made?.previousGeneration;
}

/** Of each component, under which numbers copies of its data lie that a way back to one of the versions needs. */
export function selectCopied(
  lineage: Lineage,
  versionsOf: (component: ComponentKey) => readonly Version[],
): ReadonlyMap<ComponentKey, readonly number[]> {
  return new Map(
    [...lineage].map(([component, rungs]) => {
      const versions = versionsOf(component);
      const isNeeded = ({ version, isAscent }: Rung) =>
        isAscent && versions.some((one) => compareVersions(one, version) < 0);
      return [component, rungs.filter(isNeeded).map(({ generation }) => generation)];
    }),
  );
}
