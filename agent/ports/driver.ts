// A driver runs services: one small contract for processes, units and containers alike.
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { DriverName, ProgramUnit, ServiceUnit, UnitOf } from '../core/deploy/service-unit.ts';

export type { DriverName, ProgramUnit, ServiceUnit, UnitOf };

export type ServiceStatus =
  /** `pid` is null where no single process is the service. */
  | { readonly kind: 'running'; readonly pid: number | null }
  | { readonly kind: 'exited'; readonly detail: string }
  | { readonly kind: 'absent' };

/** How a stop ended; `stuck`: even KILL of the whole group left something running. */
export type StopOutcome = 'stopped' | 'killed' | 'stuck';

export interface Driver<Unit extends ServiceUnit = ServiceUnit> {
  /**
   * Whatever a start needs that takes long, or can be known to go wrong, while the version before runs on: nothing live is
   * touched, and it may be done twice. Errors: service/start-failed, service/manager-failed, disk/*.
   */
  prepare(unit: Unit): Promise<void>;
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
  /** The last lines the service wrote. */
  logs(component: ComponentKey, maxBytes: number): Promise<string>;
  /** Housekeeping while it runs, such as bounding its log. Called about once a minute. */
  maintain(component: ComponentKey): Promise<void>;
}
