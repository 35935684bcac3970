// A driver runs services: one small contract for processes, units and containers alike.
import type { ComponentKey } from '../../shared/schema/common.ts';

/** A capability ready to run: every `${…}` resolved. Secrets may stand in `env`: never log or record a unit. */
export type ServiceUnit = ProgramUnit | CommandUnit | ComposeUnit;

interface UnitBase {
  readonly component: ComponentKey;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | null;
  readonly workingDirectory: string;
  /** Kept across versions, owned by the service's account; also its HOME. */
  readonly dataDirectory: string;
  readonly stopTimeoutMs: number;
  /** Digest of release and settings with secrets left unresolved: equal identities are the same unit. */
  readonly identity: string;
}

/** One program, run by the agent itself or by systemd. */
export interface ProgramUnit extends UnitBase {
  readonly kind: 'process' | 'systemd';
  readonly exec: readonly string[];
}

/** The vendor's own commands; `status` exits with 0 while the service runs, with 1, 2 or 3 when it does not. */
export interface CommandUnit extends UnitBase {
  readonly kind: 'command';
  readonly start: readonly string[];
  readonly stop: readonly string[];
  readonly status: readonly string[];
  readonly startTimeoutMs: number;
  readonly statusTimeoutMs: number;
}

/** Containers described by a compose file; paths are absolute and lie in the tree. */
export interface ComposeUnit extends UnitBase {
  readonly kind: 'compose';
  readonly file: string;
  readonly images: readonly { readonly archive: string; readonly digest: string }[];
  readonly startTimeoutMs: number;
}

export type ServiceStatus =
  /** `pid` is null where no single process is the service. */
  | { readonly kind: 'running'; readonly pid: number | null }
  | { readonly kind: 'exited'; readonly detail: string }
  | { readonly kind: 'absent' };

/** How a stop ended; `stuck`: even KILL of the whole group left something running. */
export type StopOutcome = 'stopped' | 'killed' | 'stuck';

export interface Driver<Unit extends ServiceUnit = ServiceUnit> {
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
