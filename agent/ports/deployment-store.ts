// Generations, records, evidence and quarantine on disk: every write is durable and whole when it returns.
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { DeploymentRecord, Plan } from '../../shared/schema/deployment.ts';
import type { Generation, Quarantined } from './deployer.ts';

/** A generation with what led to it. */
export interface StoredGeneration extends Generation {
  readonly plan: Plan;
  /** The deployment that committed it last; null while none has. */
  readonly committedBy: number | null;
}

/** What a failed deployment left to look at; captured before anything is reverted. */
export interface Evidence {
  readonly deployment: number;
  readonly at: string;
  readonly components: readonly {
    readonly component: ComponentKey;
    readonly status: string;
    /** What the probe that failed said, or `running`. */
    readonly health: string;
    readonly log: string;
  }[];
}

export interface DeploymentStore {
  /** Complete generations, oldest first; every release is checked against the digest its manifest names. */
  generations(): Promise<readonly StoredGeneration[]>;
  /** The generation `current` points at, or null on an empty instance. */
  currentNumber(): Promise<number | null>;
  /** Whole or not at all. */
  addGeneration(generation: StoredGeneration): Promise<void>;
  /** Turns `current` in one atomic step; null removes it. Idempotent. */
  setCurrent(number: number | null): Promise<void>;
  /** From here on a rollback may return to this generation. */
  markHealthy(number: number, record: DeploymentRecord): Promise<void>;
  removeGeneration(number: number): Promise<void>;
  /** Oldest first. */
  records(): Promise<readonly DeploymentRecord[]>;
  /** 0 when there is none; generations that cannot be read count. */
  newestGeneration(): Promise<number>;
  /** 0 when there is none; records that cannot be read count, so that no number is given twice. */
  newestRecordId(): Promise<number>;
  writeRecord(record: DeploymentRecord): Promise<void>;
  writeEvidence(evidence: Evidence): Promise<void>;
  /** Null where the deployment left none. Errors: document/invalid, disk/unreadable. */
  readEvidence(deployment: number): Promise<Evidence | null>;
  quarantine(): Promise<readonly Quarantined[]>;
  /** What of the quarantine was lost, until a person has looked; null when nothing was. */
  quarantineDamage(): Promise<string | null>;
  /** Written anew where `change` makes it another list. One change after the other: an end and a hand may come at once. */
  changeQuarantine(change: (known: readonly Quarantined[]) => readonly Quarantined[]): Promise<void>;
  /** Absolute path of a capability's files that outlive its versions. */
  dataDirectoryOf(component: ComponentKey): string;
  /** Free bytes and inodes where deployments are kept. */
  freeSpace(): Promise<{ readonly bytes: number; readonly inodes: number }>;
}
