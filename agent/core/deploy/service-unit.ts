// Service units: capabilities ready to run, one shape for each driver.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { ServicePart } from '../../../shared/schema/drivers/drivers.ts';

/** A capability ready to run: every `${…}` resolved. Secrets may stand in `env`: never log or record a unit. */
export type ServiceUnit = UnitBase & ServicePart;

export type DriverName = ServicePart['kind'];
/** What one driver runs, by its name. */
export type UnitOf<Name extends DriverName> = UnitBase & Extract<ServicePart, { readonly kind: Name }>;

/** One program, run by the agent itself or by systemd. */
export type ProgramUnit = UnitOf<'process' | 'systemd'>;

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
