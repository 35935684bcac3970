// What the operator set on this instance: the local policy and the instance configuration.
import type { LocalState, PolicyState } from '../../shared/policy/local-state.ts';
import type { InstanceConfig } from '../../shared/schema/instance.ts';
import type { Policy } from '../../shared/schema/policy.ts';

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
    change: (known: Policy | null) => Policy,
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
