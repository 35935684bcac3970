// What the operator set on this instance: the local policy and the instance configuration.
import type { PolicyState } from '../../shared/policy/local-state.ts';
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
  /** Shows the policy while no edit is under way. */
  look(see: (policy: PolicyState) => Promise<void>): Promise<void>;
}
