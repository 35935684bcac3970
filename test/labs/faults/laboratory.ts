// What the laboratory is made of: a place, an instance on it, a scenario, an operation that can be interrupted.

import type { TreeStoreOptions } from '../../../agent/adapters/tree-store/tree-store.ts';
import type { Deployer } from '../../../agent/ports/deploy.ts';
import type { AuditLog, DeploymentStore, TreeStore } from '../../../agent/ports/state.ts';
import type { Volumes } from '../../../agent/ports/volumes.ts';
import type { Deployable } from '../../support/deploy-releases.ts';
import type { Acknowledge, Acknowledged } from './acknowledged.ts';
import type { LabClock } from './lab-clock.ts';
import type { Behaviour, MachineMemory } from './machine.ts';

export interface Place {
  readonly stateDir: string;
  /** The services of this machine: they live on when the agent dies. */
  readonly memory: MachineMemory;
  /** Its services went with a power cut on the way: that nobody serves then is no fault of the agent's. */
  readonly hasLostPower?: boolean;
  /** Of an engine in memory; only a release of containers asks for any. */
  readonly volumes?: Volumes;
  /** Throws once the agent is dead. */
  readonly verifyAlive?: () => void;
}

export interface Instance {
  readonly stateDir: string;
  readonly clock: LabClock;
  readonly deployer: Deployer;
  readonly store: DeploymentStore;
  readonly trees: TreeStore;
  readonly audit: AuditLog;
  /** What went wrong beside the deployments. */
  readonly warnings: unknown[];
  /** Resolves when the audit log holds everything that happened. */
  settled(): Promise<void>;
}

export interface Scenario {
  readonly name: string;
  /** What was committed one after the other before; every release is healthy then. */
  readonly history: readonly Deployable[];
  readonly keepGenerations: number;
  readonly behaviours: Readonly<Record<string, Behaviour>>;
  /** Services are entries in a file, or processes of this machine. */
  readonly services: 'noted' | 'processes';
  /** Where trees come from; they are at hand unless given. */
  readonly packs?: () => Promise<Pick<TreeStoreOptions, 'fetchPack' | 'patches'>>;
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

/** How it ended, and every promise that was broken on the way. */
export interface Verdict {
  readonly end: string;
  /** Why it did not end as it should, as the record tells it. */
  readonly failure: string | null;
  readonly problems: readonly string[];
}

export interface Operation {
  readonly name: string;
  /** Brings a new instance to where the operation starts. */
  prepare(place: Place): Promise<void>;
  perform(place: Place, acknowledge: Acknowledge): Promise<void>;
  /** What the next process does with it by itself. */
  recover(place: Place, acknowledge: Acknowledge): Promise<void>;
  /** After whatever happened to it: brings it to its end and says which promises were broken. */
  judge(place: Place, acknowledged: readonly Acknowledged[]): Promise<Verdict>;
}
