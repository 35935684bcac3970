// What the decision is made from: policy, targets, approvals, freshness, the host's facts and the time.
import type { CompileResult, EmergencyResult } from '../compile/target.ts';
import type { EpochMs } from '../encoding/instant.ts';
import type { Advisory } from '../schema/advisory.ts';
import type { DeploymentManifest, Plan } from '../schema/deployment.ts';
import type { Policy } from '../schema/policy.ts';

export interface DecideInput {
  readonly now: EpochMs;
  readonly policy: PolicyState;
  /** As the repository port reports it. */
  readonly freshness: {
    readonly state: 'fresh' | 'expired' | 'clock-behind' | 'never';
    readonly expires: EpochMs | null;
  };
  readonly advisories: readonly Advisory[];
  /** The manifest that runs; null on an empty instance. */
  readonly current: DeploymentManifest | null;
  readonly desired: { readonly result: CompileResult; readonly plan: Plan | null };
  readonly emergency: { readonly result: EmergencyResult; readonly plan: Plan | null };
  readonly approvals: readonly Approval[];
  readonly host: HostFacts;
  /** An explicit local `apply`; null for the agent's own rounds. */
  readonly command: ApplyCommand | null;
}

/** `unreadable` counts as frozen and raises an alarm: a damaged file must not switch updates on. */
export type PolicyState =
  | { readonly kind: 'readable'; readonly policy: Policy }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** A receipt whose signature, or whose place behind the agent's socket, was verified by the caller. */
export interface Approval {
  /** Digest of the plan: any other plan needs its own. */
  readonly plan: string;
  readonly verdict: 'approve' | 'deny';
  /** The approver's public key, or `local` for the agent's socket. */
  readonly approver: string;
  readonly expires: EpochMs;
}

export interface ApplyCommand {
  readonly actor: string;
  readonly reason: string;
  /** `window` starts outside the policy's windows, `health` from what is unhealthy or inconsistent already. */
  readonly override: readonly ('window' | 'health' | 'drift')[];
}

export interface HostFacts {
  readonly deploymentInProgress: boolean;
  /** A deployment ended in `inconsistent` and none was committed since: a person is needed. */
  readonly inconsistent: boolean;
}
