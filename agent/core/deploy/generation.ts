// A generation: what one is, in which condition its trees are, and which are kept for a way back.

import { sanitizeLine } from '../../../shared/encoding/text.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentManifest, Drift } from '../../../shared/schema/deployment.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
import type { CapabilityRelease, Verified } from '../../../shared/schema/release.ts';

/** A numbered deployment manifest on disk with everything needed to run it again offline. */
export interface Generation {
  readonly number: number;
  readonly manifest: DeploymentManifest;
  readonly config: InstanceConfig;
  readonly releases: ReadonlyMap<ComponentKey, Verified<CapabilityRelease>>;
  /** It was committed once: a rollback may return to it. */
  readonly healthy: boolean;
}

/** The agent itself is deployed as a component, and is no service beside the others. */
export function isOwn(generation: Pick<Generation, 'releases'> | null, component: ComponentKey): boolean {
  return generation?.releases.get(component)?.document.service.driver === 'agent';
}

/** The component that the agent is here, by what was committed last; null where it is none. */
export function ownComponentOf(generations: readonly Generation[]): ComponentKey | null {
  const committed = generations.findLast(({ healthy }) => healthy) ?? null;
  const components = [...(committed?.releases.keys() ?? [])];
  return components.find((component) => isOwn(committed, component)) ?? null;
}

/** A manifest or tree that failed here and is not tried again until something changes. */
export interface Quarantined {
  readonly component: ComponentKey;
  /** Digest of the capability's release manifest. */
  readonly release: string;
  readonly version: string;
  readonly since: string;
  readonly reason: string;
  /** The deployment record that tells the story. */
  readonly record: number;
  /** Only until then: it failed before anything stopped, and is tried again by itself. */
  readonly until?: string | undefined;
  /** How often it has failed so. */
  readonly attempts?: number | undefined;
}

export interface Kept {
  readonly number: number;
  readonly healthy: boolean;
  /** Bytes of each of its trees, by digest: what generations share is stored once. */
  readonly trees: ReadonlyMap<string, number>;
}

export interface RetentionLimits {
  /** The current one included; at least 2. */
  readonly generations: number;
  /** Of all trees together. */
  readonly bytes: number;
}

/** What is kept whatever its size: what runs, where a rollback from there leads, and where one would if all could be read. */
export interface Anchors {
  readonly current: number | null;
  readonly before: readonly number[];
}

/** Numbers that may be removed; one that never was healthy serves nobody once it does not run. */
export function selectExpired(
  generations: readonly Kept[],
  { current, before }: Anchors,
  limits: RetentionLimits,
): number[] {
  const healthy = generations.filter((one) => one.healthy && one.number !== current);
  const kept = new Set(generations.filter(({ number }) => number === current || before.includes(number)));
  const spare = healthy.filter((one) => !kept.has(one)).toReversed();
  for (const one of spare.slice(0, Math.max(0, limits.generations - Math.max(2, kept.size)))) {
    // The first that does not fit ends it: an older way back without the newer ones helps nobody.
    if (bytesOf([...kept, one]) > limits.bytes) break;
    kept.add(one);
  }
  return generations.filter((one) => !kept.has(one)).map((one) => one.number);
}

function bytesOf(generations: readonly Kept[]): number {
  const trees = new Map(generations.flatMap((one) => [...one.trees]));
  return [...trees.values()].reduce((sum, bytes) => sum + bytes, 0);
}

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
