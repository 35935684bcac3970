// A deployment of the laboratory, as data: where an instance stands, what happens to it, and what must hold afterwards.
import type { Deployable } from '../../support/deploy-releases.ts';
import type { Acknowledge, Acknowledged } from './acknowledged.ts';
import type { Instance } from './instance.ts';
import type { Behaviour } from './machine.ts';
import { deployNext, deployTo } from './releases.ts';

export interface Scenario {
  readonly name: string;
  /** What was committed one after the other before; every release is healthy then. */
  readonly history: readonly Deployable[];
  readonly keepGenerations: number;
  readonly behaviours: Readonly<Record<string, Behaviour>>;
  /** Services are entries in a file, or processes of this machine. */
  readonly services: 'noted' | 'processes';
  /** What else has happened before the operation starts. */
  readonly before?: (instance: Instance) => Promise<unknown>;
  readonly act: (instance: Instance, acknowledge: Acknowledge) => Promise<unknown>;
  /** What every agent does by itself once it has recovered. */
  readonly goOn?: (instance: Instance) => Promise<unknown>;
  /**
   * Names the broken ones of the promises that this operation alone makes, and brings to its end what only a person can.
   * Nothing is interrupted any more.
   */
  readonly broken?: (instance: Instance, acknowledged: readonly Acknowledged[]) => Promise<readonly string[]>;
  /** Must be possible in the end, and commit. */
  readonly next: (instance: Instance) => Promise<unknown>;
  readonly end: 'committed' | 'rolled-back' | 'inconsistent';
}

export const USUAL = {
  keepGenerations: 5,
  behaviours: {},
  services: 'noted',
  next: deployNext,
  end: 'committed',
} as const;

export async function prepareHistory(instance: Instance, scenario: Scenario): Promise<void> {
  for (const deployable of scenario.history) await deployTo(deployable)(instance);
  await scenario.before?.(instance);
  await instance.settled();
}
