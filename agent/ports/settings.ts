// What the operator set on this instance: the local policy and the instance configuration.
import type { PolicyState } from '../../shared/policy/decide-input.ts';
import type { Channel } from '../../shared/protocol/report.ts';
import type { InstanceConfig } from '../../shared/schema/instance.ts';

export interface Settings {
  /** Reads the disk each time: an edit by hand counts at once. Never throws. */
  policy(): Promise<PolicyState>;
  /** The default configuration when there is no file. Errors: document/invalid, json/*, disk/failed. */
  config(): Promise<InstanceConfig>;
  /** Durable when it resolves. Errors: policy/unreadable, disk/*. */
  setChannel(channel: Channel): Promise<void>;
}
