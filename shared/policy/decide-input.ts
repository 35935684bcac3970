// What the decision is made from: policy, targets, approvals, freshness, the host's facts and the time.
import type { CompileResult, FixResult } from '../compile/target.ts';
import type { EpochMs } from '../encoding/instant.ts';
import type { Advisory } from '../schema/advisory.ts';
import type { DeploymentManifest, DeploymentRecord, Plan } from '../schema/deployment.ts';
import type { Forecast } from '../schema/forecast.ts';
import type { ConfigState, PolicyState } from './local-state.ts';

export interface DecideInput {
  readonly now: EpochMs;
  readonly policy: PolicyState;
  readonly config: ConfigState;
  /** As the repository port reports it. */
  readonly freshness: {
    readonly state: 'fresh' | 'expired' | 'clock-behind' | 'never';
    readonly expires: EpochMs | null;
  };
  readonly advisories: readonly Advisory[];
  /** The manifest that runs; null on an empty instance. */
  readonly current: DeploymentManifest | null;
  readonly desired: { readonly result: CompileResult } & Planned;
  readonly emergency: { readonly result: FixResult; readonly plan: Plan | null };
  /** What the policy lets in by itself; nothing while an order is on its way. */
  readonly fixes: { readonly result: FixResult } & Planned;
  readonly approvals: readonly Approval[];
  /** What failed or was taken back here, and by whom: the decision names it. */
  readonly quarantine: readonly QuarantineNote[];
  /** The deployments so far, oldest first; one that asks about itself is none of them. */
  readonly attempts: readonly DeploymentRecord[];
  readonly host: HostFacts;
  /** An explicit local `apply`; null for the agent's own rounds. */
  readonly command: ApplyCommand | null;
}

/** What would be deployed, and what that would take: neither where nothing would be. */
export interface Planned {
  readonly plan: Plan | null;
  readonly forecast: Forecast | null;
}

/** A receipt whose signature, or whose place behind the agent's socket, was verified by the caller. */
export interface Approval {
  /** Digest of the plan: any other plan needs its own. */
  readonly plan: string;
  readonly verdict: 'approve' | 'deny';
  /** The approver's public key, or `local` for the agent's socket. */
  readonly approver: string;
  readonly expires: EpochMs;
}

export interface QuarantineNote {
  readonly component: string;
  readonly version: string;
  /** Digest of the release manifest. */
  readonly release: string;
  /** `rolled back by alice: …`, or how it failed. */
  readonly reason: string;
  /** The deployment that tells the story. */
  readonly record: number;
}

export interface ApplyCommand {
  readonly actor: string;
  readonly reason: string;
  /** `window` starts outside the policy's windows, `health` from what is unhealthy or inconsistent already. */
  readonly override: readonly ('window' | 'health' | 'drift')[];
}

export interface HostFacts {
  /** What may run services here; absent where every driver may. A confined agent's own sandbox would be the services' too. */
  readonly drivers?: readonly string[];
  readonly deploymentInProgress: boolean;
  /** A deployment ended in `inconsistent` and none was committed since: a person is needed. */
  readonly inconsistent: boolean;
  /** Why it is not known what runs; absent or null when it is. */
  readonly currentDamage?: string | null;
  /** What was lost of the list of releases that failed here; absent or null when nothing was. Forced patches go on. */
  readonly quarantineDamage?: string | null;
}
