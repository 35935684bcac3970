// A driver runs services: one small contract for processes, units and containers alike.
import type { ComponentKey } from '../../shared/schema/common.ts';

/** A capability ready to run: every `${…}` resolved. Secrets may stand in `env`: never log or record a unit. */
export interface ServiceUnit {
  readonly component: ComponentKey;
  readonly exec: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | null;
  readonly workingDirectory: string;
  /** Kept across versions, owned by the service's account; also its HOME. */
  readonly dataDirectory: string;
  readonly stopTimeoutMs: number;
  /** Digest of release and settings with secrets left unresolved: equal identities are the same unit. */
  readonly identity: string;
}

export type ServiceStatus =
  | { readonly kind: 'running'; readonly pid: number }
  | { readonly kind: 'exited'; readonly detail: string }
  | { readonly kind: 'absent' };

/** How a stop ended; `stuck`: even KILL of the whole group left something running. */
export type StopOutcome = 'stopped' | 'killed' | 'stuck';

export interface Driver {
  /** Starts the service, or leaves it alone when exactly this unit runs already. Error: service/start-failed. */
  start(unit: ServiceUnit): Promise<void>;
  /** Idempotent: stopping what does not run is `stopped`. Works also for services an earlier agent process started. */
  stop(component: ComponentKey, timeoutMs: number): Promise<StopOutcome>;
  status(component: ComponentKey): Promise<ServiceStatus>;
  /** True when exactly this unit runs. */
  runs(unit: ServiceUnit): Promise<boolean>;
  /** Resolves when the service exits, at once when it does not run, so that a crash is noticed without delay. */
  exited(component: ComponentKey, signal: AbortSignal): Promise<void>;
  /** The last lines the service wrote. */
  logs(component: ComponentKey, maxBytes: number): Promise<string>;
  /** Housekeeping while it runs, such as bounding its log. Called about once a minute. */
  maintain(component: ComponentKey): Promise<void>;
}
