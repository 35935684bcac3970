// The local policy as the engine sees it: what the operator set, or why it cannot be known.
import type { Channel } from '../../shared/protocol/report.ts';
import type { Policy } from '../../shared/schema/policy.ts';

/** An unreadable policy is never guessed: the instance counts as frozen and says so. */
export type PolicyReading =
  | { readonly kind: 'readable'; readonly policy: Policy }
  | { readonly kind: 'unreadable'; readonly path: string; readonly problem: string };

export interface Settings {
  /** Reads the disk each time: an edit by hand counts at once. Never throws. */
  policy(): Promise<PolicyReading>;
  /** Durable when it resolves. Errors: policy/unreadable, disk/*. */
  setChannel(channel: Channel): Promise<void>;
}
