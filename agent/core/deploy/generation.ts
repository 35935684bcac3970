// Generations and quarantine: what an instance has run, and what it does not try again.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentManifest } from '../../../shared/schema/deployment.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
import type { CapabilityRelease, Verified } from '../../../shared/schema/release.ts';

/** A numbered deployment manifest on disk with everything needed to run it again offline. */
export interface Generation {
  readonly number: number;
  readonly manifest: DeploymentManifest;
  readonly config: InstanceConfig;
  readonly releases: ReadonlyMap<ComponentKey, Verified<CapabilityRelease>>;
  /** It was committed once: a rollback may return to it. */
  readonly healthy: boolean;
}

/** A manifest or tree that failed here and is not tried again until something changes. */
export interface Quarantined {
  readonly component: ComponentKey;
  /** Digest of the capability's release manifest. */
  readonly release: string;
  readonly version: string;
  readonly since: string;
  readonly reason: string;
  /** The deployment record that tells the story. */
  readonly record: number;
  /** Only until then: it failed before anything stopped, and is tried again by itself. */
  readonly until?: string | undefined;
  /** How often it has failed so. */
  readonly attempts?: number | undefined;
}
