// The deployment engine as the rest of the agent sees it: deploy, roll back, recover, and read what there is.
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { DeploymentManifest, DeploymentRecord, Plan } from '../../shared/schema/deployment.ts';
import type { InstanceConfig } from '../../shared/schema/instance.ts';
import type { CapabilityRelease, Verified } from '../../shared/schema/release.ts';
import type { Version } from '../../shared/version/version.ts';
import type { Generation, Quarantined } from '../core/deploy/generation.ts';
import type { Rehearsal } from '../core/deploy/rehearsal.ts';
import type { RollbackTo } from '../core/deploy/rollback-target.ts';
import type { ServiceStatus } from './driver.ts';
import type { TreeDeviation } from './tree-store.ts';

export type { Generation, Quarantined };

export interface DeploymentRequest {
  readonly manifest: DeploymentManifest;
  /** The verified release behind every component of the manifest. */
  readonly releases: ReadonlyMap<ComponentKey, Verified<CapabilityRelease>>;
  readonly config: InstanceConfig;
  readonly plan: Plan;
  /** `agent`, or the account behind a local command. */
  readonly actor: string;
  /** Why a person started it, in their words; kept in the record. */
  readonly note?: string;
  /** Asked at the last safe point, before anything stops; false abandons the deployment. */
  readonly stillAllowed: () => Promise<boolean>;
  /** Go on although a component that changes is unhealthy already; it is then not held against the release. */
  readonly acceptUnhealthy?: boolean;
  /** Go on although the files of what is left are damaged and cannot be mended; a forced patch does so by itself. */
  readonly acceptDrift?: boolean;
  /** Called once the deployment has its record on disk: from then on it can be followed by its number. */
  readonly onStarted?: (record: DeploymentRecord) => void;
}

export interface RollbackRequest {
  /** The newest healthy generation before the current when absent. */
  readonly to?: RollbackTo;
  readonly reason: string;
  readonly actor: string;
  /** As in DeploymentRequest. */
  readonly onStarted?: (record: DeploymentRecord) => void;
}

export interface ComponentHealth {
  readonly component: ComponentKey;
  readonly status: ServiceStatus;
  readonly health: 'healthy' | 'unhealthy' | 'unknown';
}

/** A component that runs badly now, though its deployment was committed. */
export interface Degradation {
  readonly component: ComponentKey;
  /** The first of its failures in a row. */
  readonly since: string;
  readonly detail: string;
}

/** What was found in the files of a component. */
export interface Repair {
  readonly component: ComponentKey;
  readonly version: Version;
  /** What was mended; nothing where only additions were found and stay. */
  readonly deviations: readonly TreeDeviation[];
  /** It may have loaded what was never signed. */
  readonly restarted: boolean;
  /** Files and directories that stand beside what was signed, and stay. */
  readonly added: number;
}

export interface Deployer {
  /** Hears of every state a deployment enters from here on: subscribed to before `recover`, of every single one. */
  onRecord(listener: (record: DeploymentRecord) => void): void;
  /** Called once at start: ends what an earlier process left unfinished, then starts what should run. */
  recover(): Promise<void>;
  /** Runs one deployment to its end. A failed one is a record, not an error. Errors: deploy/busy, deploy/agent-stops, deploy/outdated, deploy/quarantined, disk/*. */
  deploy(request: DeploymentRequest): Promise<DeploymentRecord>;
  /** Errors: deploy/busy, rollback/no-target, rollback/not-reversible, … */
  rollback(request: RollbackRequest): Promise<DeploymentRecord>;
  /**
   * The agent is about to stop: nothing new begins, and what is under way is brought to a state that may be left, noted as
   * left on purpose. May take as long as services take to stop and start.
   */
  leave(): Promise<void>;
  /** Tries as much of a rollback as goes without stopping anything. Errors: deploy/busy, rollback/no-target. */
  rehearse(to?: RollbackTo): Promise<Rehearsal>;
  /** Makes the files of what runs again what was signed; what was added goes only when asked. Errors: deploy/busy, tree/*, transport/*, disk/*, service/*. */
  repair(removeAdded?: boolean): Promise<readonly Repair[]>;
  /** The deployment under way, or null. */
  inProgress(): DeploymentRecord | null;
  current(): Promise<Generation | null>;
  generations(): Promise<readonly Generation[]>;
  /** Oldest first. */
  records(): Promise<readonly DeploymentRecord[]>;
  quarantine(): Promise<readonly Quarantined[]>;
  /** What of it was lost, in one sentence; null when nothing was. */
  quarantineDamage(): Promise<string | null>;
  /** Forgets quarantined releases of a component, so that they may be tried again. */
  releaseFromQuarantine(component: ComponentKey): Promise<void>;
  /** Status and one fresh probe of every running component. */
  health(): Promise<readonly ComponentHealth[]>;
  /** The last lines a service wrote, or those that a failed deployment left. Errors: change/no-log, service/no-log, disk/*. */
  logs(component: ComponentKey, change?: number): Promise<readonly string[]>;
  /** What supervision has seen fail several times in a row. */
  degradations(): readonly Degradation[];
  /** Watches what runs: restarts what exits, undoes what degrades on probation. Until the signal aborts. */
  supervise(signal: AbortSignal): Promise<void>;
}
