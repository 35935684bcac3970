// Identities: the digest of a manifest's, plan's or configuration's canonical JSON.
import { type Digest, digestOfValue } from '../encoding/digest.ts';
import type { DeploymentManifest, Plan } from '../schema/deployment.ts';
import type { InstanceConfig } from '../schema/instance.ts';

export function manifestDigest(manifest: DeploymentManifest): Digest {
  return digestOfValue(manifest);
}

/** What an approval binds to. */
export function planDigest(plan: Plan): Digest {
  return digestOfValue(plan);
}

export function configDigest(config: InstanceConfig): Digest {
  return digestOfValue(config);
}
