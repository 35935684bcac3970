// What the deployment engine is built from: ports, and the few numbers an operator may choose.

import type { Secrets } from '../../../shared/encoding/redact.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { RetentionLimits } from '../../core/deploy/generation.ts';
import type { Driver, Traffic } from '../../ports/deploy.ts';
import type { Clock, FindProgram, Prober, ReadReference } from '../../ports/machine.ts';
import type { DeploymentStore, Journal, TreeStore } from '../../ports/state.ts';
import type { Volumes } from '../../ports/volumes.ts';

export interface DeployerParts {
  readonly store: DeploymentStore;
  readonly journal: Journal;
  readonly trees: TreeStore;
  readonly driver: Driver;
  readonly prober: Prober;
  readonly traffic: Traffic;
  readonly volumes: Volumes;
  readonly clock: Clock;
  readonly readReference: ReadReference;
  readonly findProgram: FindProgram;
  /** What no text of the engine may hold; it fills as they are read. */
  readonly secrets: Secrets;
  /** How long a healthy new generation is watched before it commits. */
  readonly soakMs: () => Promise<number>;
  /** How long after its commit a deployment whose components degrade is undone by itself; 0 leaves that to a person. */
  readonly probationMs: () => Promise<number>;
  /** What stays on disk for a way back. */
  readonly retention: RetentionLimits;
  /** Hears what goes wrong beside a deployment: a service that will not start, a record that cannot be written. */
  readonly onWarning: (error: unknown) => void;
}

export interface DeployerOptions extends DeployerParts {
  /** Called at every state a deployment enters. */
  readonly onRecord: (record: DeploymentRecord) => void;
}
