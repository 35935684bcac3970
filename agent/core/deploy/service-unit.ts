// Service units: capabilities ready to run, one shape for each driver.
import type { ComponentKey } from '../../../shared/schema/common.ts';

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
  /** Directories of the tree that the service's account may write to; none where absent. */
  readonly writable?: readonly string[];
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
