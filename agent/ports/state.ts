// What is kept on disk: deployments and their journal, trees, trust, settings, the audit log, small documents.

import type { Digest } from '../../shared/encoding/digest.ts';
import type { Pace } from '../../shared/encoding/pace.ts';
import type { LocalState, PolicyState } from '../../shared/policy/local-state.ts';
import type { AuditHead } from '../../shared/schema/audit-chain.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { DeploymentRecord, Plan } from '../../shared/schema/deployment.ts';
import type { InstanceConfig } from '../../shared/schema/instance.ts';
import type { JournalEntry } from '../../shared/schema/journal.ts';
import type { Policy } from '../../shared/schema/policy.ts';
import type { CapabilityRelease, TreeRef } from '../../shared/schema/release.ts';
import type { AuditChain, AuditEntry, AuditEvent } from '../core/audit-chain.ts';
import type { Deviation, Generation, Quarantined } from '../core/deploy/generation.ts';

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

/** Generations, records, evidence and quarantine: every write is durable and whole when it returns. */
export interface DeploymentStore {
  /** Complete generations, oldest first; every release is checked against the digest its manifest names. */
  generations(): Promise<readonly StoredGeneration[]>;
  /** Numbers of those that cannot be read, and the trees of one as its links tell them. Error: disk/unreadable. */
  damagedGenerations(): Promise<readonly number[]>;
  linkedTrees(number: number): Promise<readonly Digest[]>;
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
  /** Records that cannot be read, in one sentence each. */
  recordDamages(): Promise<readonly string[]>;
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

export interface UnfinishedJournal {
  /** Id of the deployment record. */
  readonly deployment: number;
  /** Everything before the first damage. */
  readonly entries: readonly JournalEntry[];
  /** Bytes in the middle are not what was written. A torn last entry is no damage: it was never acknowledged. */
  readonly damaged: boolean;
}

/** At most one unfinished deployment, its entries durable in the order they were written. */
export interface Journal {
  /** What an earlier process left unfinished, or null. A torn last entry is cut off, so that appending can go on. */
  read(): Promise<UnfinishedJournal | null>;
  /** Opens the journal of a deployment, with room for `expectedEntries` reserved so that a full disk cannot stop a rollback. */
  begin(deployment: number, expectedEntries: number): Promise<void>;
  /** Durable when it returns; entries come in the order of their sequence. Errors: disk/full, disk/failed. */
  append(entry: JournalEntry): Promise<void>;
  /** Keeps a damaged journal aside, for people, and in one step puts these entries in its place. */
  replace(deployment: number, entries: readonly JournalEntry[]): Promise<void>;
  /** The deployment has ended and everything about it is written elsewhere: removes the journal. */
  end(deployment: number): Promise<void>;
}

/** How a tree came: by which way, in how many bytes, and why not by a patch that was offered. */
export interface FetchedTree {
  readonly way: 'pack' | 'patch';
  readonly bytes: number;
  readonly instead?: unknown;
}

/** A tree on its way here. */
export interface Transfer {
  readonly tree: Digest;
  readonly way: FetchedTree['way'];
  /** Those of an earlier attempt included. */
  readonly bytes: number;
  /** Of the download, as the place it comes from says; null where it says nothing. */
  readonly total: number | null;
  readonly pace: Pace;
}

/** The files of a release: its tree, and what below it is the service's own. */
export type ReleaseFiles = Pick<CapabilityRelease, 'tree' | 'writable'>;

/** Content-addressed: nothing enters it unverified, nothing in it is half there. */
export interface TreeStore {
  has(tree: Digest): Promise<boolean>;
  stored(): Promise<ReadonlySet<Digest>>;
  /** Absolute path of the directory that holds the tree's files. */
  directoryOf(tree: Digest): string;
  /**
   * Fetches a patch to the tree from one that is here, or its pack (resuming an interrupted download), builds it and verifies
   * every file, makes it durable and only then lets `has` answer true. The signal ends the wait for the network; what came by
   * then stays, to go on from. Undefined where nothing had to be fetched.
   * Errors: tree/*, transport/*, disk/*; a failed call leaves nothing in the store.
   */
  add(tree: TreeRef, signal?: AbortSignal): Promise<FetchedTree | undefined>;
  /** What `add` would fetch, as far as somebody says so within moments. */
  weigh(tree: TreeRef): Promise<Omit<FetchedTree, 'instead'> | null>;
  /** What is being fetched or unpacked at this moment. */
  transfers(): readonly Transfer[];
  /**
   * Re-hashes a stored tree: every file, or those of which it is not known from minutes ago what they hold and that nobody touched
   * them since. Empty when it is exactly what its index says, but for what the service may write.
   */
  verify(files: ReleaseFiles, which?: 'every' | 'unknown'): Promise<readonly TreeDeviation[]>;
  /** Begins to read trees that nothing runs from. */
  readAhead(all: readonly ReleaseFiles[]): Promise<ReadAhead>;
  /**
   * Replaces what is changed or missing in a stored tree, part by part and by rename, from other trees in the store or else
   * from the vendor, until the signal aborts. Errors: tree/*, transport/*, disk/*.
   */
  repair(files: ReleaseFiles, how: RepairHow, signal?: AbortSignal): Promise<void>;
  /**
   * Before anything runs from a stored tree with these accounts, null for the agent's own: what one of them could write to is
   * shared with no other tree from here on. Durable; true where its directory is another one since. Errors: disk/*.
   */
  hand(tree: Digest, accounts: readonly (string | null)[]): Promise<boolean>;
  /** Removes every tree that is not in `keep`; also what interrupted work left behind. */
  collect(keep: ReadonlySet<Digest>): Promise<void>;
}

export interface ReadAhead {
  /** Once of each tree: what is damaged of it, of which only what was touched is read again. */
  damages(files: ReleaseFiles): Promise<readonly TreeDeviation[]>;
  readonly done: Promise<void>;
}

export interface RepairHow {
  /** `keep` where something runs from the tree: what it wrote beside its code is its own affair. */
  readonly added: 'keep' | 'remove';
  /** `local` takes from this machine alone: a rollback waits for no network. What is nowhere stays as it is. */
  readonly from: 'anywhere' | 'local';
}

export type TreeDeviation = Deviation;

/** Metadata by file name, flushed before anything acts on it, and documents that may be lost. */
export interface TrustStore {
  /** For messages. */
  readonly directory: string;
  /** What was written last, flushed or not. */
  read(file: string): Promise<Uint8Array | null>;
  /** Until it is flushed, a power cut leaves these bytes or the old ones. Errors: disk/*, where too much waits already. */
  write(file: string, bytes: Uint8Array): Promise<void>;
  remove(file: string): void;
  /**
   * What was written and removed before survives a power cut when it resolves: the kept roots first, then what was removed,
   * then the rest. What cannot be written waits for the next time. Errors: disk/*.
   */
  flush(): Promise<void>;
  /** Versions of the kept roots, lowest first. */
  rootVersions(): Promise<readonly number[]>;
  readonly documents: DocumentCache;
}

/** By SHA-256, lower-case hexadecimal. What is read may be torn: whoever reads verifies it. */
export interface DocumentCache {
  /** What it has, whole or not. */
  names(): Promise<ReadonlySet<string>>;
  read(sha256: string): Promise<Uint8Array | null>;
  write(sha256: string, bytes: Uint8Array): Promise<void>;
  /** Removes all others. */
  keepOnly(sha256s: ReadonlySet<string>): Promise<void>;
}

/** What the operator set on this instance: the local policy and the instance configuration. */
export interface Settings {
  /** Reads the disk each time: an edit by hand counts at once. Never throws. */
  policy(): Promise<PolicyState>;
  /** The default configuration when there is no file. Errors: document/invalid, json/*, disk/failed. */
  config(): Promise<InstanceConfig>;
  /**
   * Changes the policy, one change after the other; `change` gets null when the file is missing. `record` is part of the
   * edit: it is asked once nothing stands against the change, and what it refuses is not written. Durable when it resolves.
   * Errors: policy/unreadable for a damaged file, document/invalid, disk/*, and those of `record`.
   */
  edit(
    change: (known: Policy | null) => Policy | Promise<Policy>,
    record: (before: Policy | null, after: Policy) => Promise<void>,
  ): Promise<Policy>;
  /**
   * The same for the instance configuration: in turn with edits of the policy, on the record before it counts. A file that
   * cannot be read is not written over. Errors: document/invalid, json/*, disk/*, and those of `record`.
   */
  editConfig(
    change: (known: InstanceConfig) => InstanceConfig,
    record: (before: InstanceConfig, after: InstanceConfig) => Promise<void>,
  ): Promise<InstanceConfig>;
  /** Shows both while no edit is under way. */
  look(see: (local: LocalState) => Promise<void>): Promise<void>;
}

/** What happened, who did it, and whether the record is whole. */
export interface AuditLog {
  /** Durable when it resolves. Errors: audit/damaged, disk/*. */
  append(event: AuditEvent): Promise<void>;
  /** That it can be continued; costs nothing while nobody else touches it. Errors: audit/damaged, disk/*. */
  verify(): Promise<void>;
  /** Where it stands; costs as much. Errors: audit/damaged, disk/*. */
  head(): Promise<AuditHead>;
  /** Every entry, oldest first, after the whole chain was verified. Error: audit/damaged. */
  entries(): Promise<readonly AuditEntry[]>;
  /** The same with where the chain stands. */
  read(): Promise<AuditChain>;
}

/** One small document that survives a crash. */
export interface JsonStore<Document> {
  /** Null when there is none, or when what is there cannot be read. */
  read(): Promise<Document | null>;
  /** Durable when it resolves. Errors: disk/*, document/invalid for what could not be read again. */
  write(document: Document): Promise<void>;
  /** What was lost, in one sentence; null when nothing was, or when a person has removed what was kept of it. */
  damage(): Promise<string | null>;
}
