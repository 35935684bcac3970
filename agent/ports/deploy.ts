// Deployments: what the rest of the agent asks of their engine, and what that asks of drivers, traffic and placement.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import type {
  DeploymentManifest,
  DeploymentRecord,
  Fix,
  Plan,
  Pulled,
  RanOnce,
} from '../../shared/schema/deployment.ts';
import type { InstanceConfig } from '../../shared/schema/instance.ts';
import type { CapabilityRelease, Verified } from '../../shared/schema/release.ts';
import type { Version } from '../../shared/version/version.ts';
import type { Slot } from '../core/deploy/blue-green.ts';
import type { Generation, Quarantined } from '../core/deploy/generation.ts';
import type {
  DriverName,
  ProgramUnit,
  RenderInput,
  RunnableComponent,
  ServiceUnit,
  UnitOf,
} from '../core/deploy/render.ts';
import type { Rehearsal, RollbackTo } from '../core/deploy/rollback-target.ts';
import type { TreeDeviation } from './state.ts';

export type { DriverName, Generation, ProgramUnit, Quarantined, ServiceUnit, UnitOf };

export interface DeploymentRequest {
  readonly manifest: DeploymentManifest;
  /** The verified release behind every component of the manifest. */
  readonly releases: ReadonlyMap<ComponentKey, Verified<CapabilityRelease>>;
  readonly config: InstanceConfig;
  readonly plan: Plan;
  /** That it is a fix and nothing but; kept in the record. */
  readonly fix?: Fix;
  /** `agent`, or the account behind a local command. */
  readonly actor: string;
  /** Why a person started it, in their words; kept in the record. */
  readonly note?: string;
  /** Asked at the last safe point, before anything stops, with how long this one is watched; false abandons the deployment. */
  readonly stillAllowed: (soakMs: number) => Promise<boolean>;
  /** Go on although a component that changes is unhealthy already; it is then not held against the release. */
  readonly acceptUnhealthy?: boolean;
  /** Go on although the files of what is left are damaged and cannot be mended; a forced patch does so by itself. */
  readonly acceptDrift?: boolean;
  /** Called once the deployment has its record on disk: from then on it can be followed by its number. */
  readonly onStarted?: (record: DeploymentRecord) => void;
}

export interface RollbackRequest extends Pick<DeploymentRequest, 'actor' | 'onStarted'> {
  /** What the current generation was made from, or the healthy one before that, when absent. */
  readonly to?: RollbackTo;
  readonly reason: string;
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

/** `soakMs`: how long a healthy new generation is watched before it commits, as it stands now. */
export interface Deployer {
  soakMs(): Promise<number>;
  /** The same of the deployment under way, which may be less; null where none is. */
  soakInProgressMs(): Promise<number | null>;
  /** Hears of every state a deployment enters from here on: subscribed to before `recover`, of every single one. */
  onRecord(listener: (record: DeploymentRecord) => void): void;
  /** Called once at start: ends what an earlier process left unfinished, then starts what should run. */
  recover(): Promise<void>;
  /** Runs one deployment to its end. A failed one is a record, not an error. Errors: deploy/busy, deploy/agent-stops, deploy/outdated, deploy/quarantined, disk/*. */
  deploy(request: DeploymentRequest): Promise<DeploymentRecord>;
  /** Errors: deploy/busy, rollback/*, … */
  rollback(request: RollbackRequest): Promise<DeploymentRecord>;
  /**
   * The agent is about to stop: nothing new begins, and what is under way is brought to a state that may be left, noted as
   * left on purpose. May take as long as services take to stop and start.
   */
  leave(): Promise<void>;
  /** A forced patch wants its turn. A deployment of any other plan ends if it has touched nothing yet, and cuts its soak short; a repair waits for no server any more. Returns at once. */
  giveWay(plan: string): void;
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
  /** What cannot be read, in one sentence each. */
  recordDamages(): Promise<readonly string[]>;
  generationDamages(): Promise<readonly string[]>;
  quarantine(): Promise<readonly Quarantined[]>;
  /** What of it was lost, in one sentence; null when nothing was. */
  quarantineDamage(): Promise<string | null>;
  /** Forgets quarantined releases of a component, so that they may be tried again. */
  releaseFromQuarantine(component: ComponentKey): Promise<void>;
  /** Status and one fresh probe of every running component. */
  health(): Promise<readonly ComponentHealth[]>;
  /** The last lines a service wrote, or those that a failed deployment left. Errors: change/no-log, service/no-log, disk/*. */
  logs(
    component: ComponentKey,
    which?: { readonly change?: number | undefined; readonly since?: EpochMs | undefined },
  ): Promise<readonly string[]>;
  /** What supervision has seen fail several times in a row. */
  degradations(): readonly Degradation[];
  /** Watches what runs: restarts what exits, undoes what degrades on probation. Until the signal aborts. */
  supervise(signal: AbortSignal): Promise<void>;
}

export type ServiceStatus =
  /** `pid` is null where no single process is the service. */
  | { readonly kind: 'running'; readonly pid: number | null }
  | { readonly kind: 'exited'; readonly detail: string }
  | { readonly kind: 'absent' };

/** How a stop ended; `stuck`: even KILL of the whole group left something running. */
export type StopOutcome = 'stopped' | 'killed' | 'stuck';

/** A driver runs services: one small contract for processes, units and containers alike. */
/** `start`: when it was started last. What a driver does not know to the moment, it takes a little earlier. */
export type LogSince = EpochMs | 'start';

export interface Driver<Unit extends ServiceUnit = ServiceUnit> {
  /**
   * Whatever a start needs that takes long, or can be known to go wrong, while the version before runs on: nothing live is
   * touched, and it may be done twice. `again`: of what runs, so that it could be started once more; what was let in then is
   * not judged anew. What has to come from elsewhere is waited for until the signal aborts, and kept for the next time; answers
   * what came of images where any did. Errors: service/start-failed, service/manager-failed, disk/*.
   */
  prepare(unit: Unit, again?: boolean, signal?: AbortSignal): Promise<Pulled | undefined>;
  /** A deployment has ended: of what was prepared or kept for the component, only this unit's is needed any more. */
  keepOnly(component: ComponentKey, unit: Unit | null): Promise<void>;
  /** Starts the service, or leaves it alone when exactly this unit runs already. Error: service/start-failed. */
  start(unit: Unit): Promise<void>;
  /** Idempotent: stopping what does not run is `stopped`. Works also for services an earlier agent process started. */
  stop(component: ComponentKey, timeoutMs: number): Promise<StopOutcome>;
  status(component: ComponentKey): Promise<ServiceStatus>;
  /** True when exactly this unit runs. */
  runs(unit: Unit): Promise<boolean>;
  /** Resolves when the service exits, at once when it does not run, so that a crash is noticed without delay. */
  exited(component: ComponentKey, signal: AbortSignal): Promise<void>;
  /** The last lines the service wrote: all there are, or those since. */
  logs(component: ComponentKey, maxBytes: number, since?: LogSince): Promise<string>;
  /** What ran once at the last start, also at one that failed: of a unit that knows no such thing, nothing. */
  ranOnce(unit: Unit): Promise<readonly OnceRun[]>;
  /** Housekeeping while it runs, such as bounding its log. Called about once a minute. */
  maintain(component: ComponentKey): Promise<void>;
}

/** A service of a project that ran once at its start, such as a migration. */
export interface OnceRun extends Omit<RanOnce, 'lastLines'> {
  /** Its last lines, as it wrote them. */
  readonly log: string;
}

/** Between a public port and the slot behind it that gets new connections. */
export interface Route {
  readonly component: ComponentKey;
  /** Who runs the service; a program of the machine itself keeps the public port before containers as well. */
  readonly driver: ProgramUnit['kind'] | 'compose';
  readonly slot: Slot;
  /** Where traffic comes in. */
  readonly address: string;
  readonly publicPort: number;
  /** Where it goes, on this machine. */
  readonly port: number;
  /** The service's account, which keeps the public port; null where it has none. */
  readonly user: string | null;
}

export interface Traffic {
  /** Null when nothing was ever directed. */
  slotOf(component: ComponentKey): Promise<Slot | null>;
  /**
   * From here on every new connection goes to the slot; open ones stay where they are. Starts what listens when it does not
   * run. Idempotent. Errors: service/no-traffic, service/start-failed, disk/*.
   */
  direct(route: Route): Promise<void>;
  /** Connections that the switch holds open to a port of this machine, half-closed ones included. */
  connectionsTo(port: number): Promise<number>;
  /** Nobody listens any more. Idempotent. */
  close(component: ComponentKey): Promise<void>;
}

/** Where a component's services stand and how clients reach them: alone in one place, or side by side behind a public port. */
export interface Placement {
  /** Every name under which a driver may run something for the component. */
  readonly services: readonly ComponentKey[];
  /** What it takes to run it, where it runs or would once those `leaving` have left. Errors: deploy/no-port, deploy/unknown-variable. */
  place(input: RenderInput, leaving: ReadonlySet<ComponentKey>): Promise<PlacedComponent>;
  /** Nobody listens for its clients any more: whatever comes next may want their port for itself. Idempotent. */
  close(): Promise<void>;
}

export interface PlacedComponent extends RunnableComponent {
  readonly place: Place;
}

export interface Place {
  /** Ports of this machine that it takes, beside those that its probes name. */
  readonly ports: readonly number[];
  /** Nothing of ours listens there once those that leave have left, even where a version before it runs. */
  isVacant(): Promise<boolean>;
  /** Before it starts: what stands there gives way. Answers with the connections that cut. Error: service/stuck. */
  makeRoom(): Promise<number>;
  /** From here on new connections come to it; whoever must act for that acts through `act`. Idempotent. Errors: service/*, disk/*. */
  open(act?: (direct: () => Promise<void>) => Promise<void>): Promise<void>;
  /** While it runs, its clients find somebody at their port. Until the signal aborts. */
  keepOpen(signal: AbortSignal): Promise<void>;
  readonly neighbour: Neighbour;
}

/** The version before or the next one, which may still be serving. */
export interface Neighbour {
  /** What the driver calls it; the component itself where nothing can stand beside it. */
  readonly service: ComponentKey;
  /** How long open connections may take to end. */
  readonly drainMs: number;
  isThere(): Promise<boolean>;
  connections(): Promise<number>;
  /** Answers with the connections that were still open. Error: service/stuck. */
  stop(): Promise<number>;
}
