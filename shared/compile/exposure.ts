// Exposure: which open advisories affect which deployed versions.
import type { Advisory, Severity } from '../schema/advisory.ts';
import type { ComponentKey } from '../schema/common.ts';
import type { DeploymentManifest } from '../schema/deployment.ts';
import { covers, type Version } from '../version/version.ts';

export interface Exposure {
  readonly advisory: string;
  readonly severity: Severity;
  readonly component: ComponentKey;
  readonly version: Version;
}

const BY_URGENCY: readonly Severity[] = ['critical', 'high', 'medium', 'low'];

/** Most urgent first, then by advisory and component. */
export function selectExposures(
  manifest: DeploymentManifest,
  advisories: readonly Advisory[],
): readonly Exposure[] {
  return advisories
    .filter((advisory) => !advisory.withdrawn)
    .toSorted(byUrgency)
    .flatMap((advisory) =>
      manifest.components
        .filter(({ component, version }) => isAffected(advisory, component, version))
        .map(({ component, version }) => ({
          advisory: advisory.id,
          severity: advisory.severity,
          component,
          version,
        })),
    );
}

export function isAffected(advisory: Advisory, component: string, version: Version): boolean {
  return advisory.affected.some((entry) => entry.component === component && covers(entry.versions, version));
}

/** By id. */
export function openCritical(advisories: readonly Advisory[]): readonly Advisory[] {
  return advisories.filter((one) => one.severity === 'critical' && !one.withdrawn).toSorted(byUrgency);
}

function byUrgency(a: Advisory, b: Advisory): number {
  return BY_URGENCY.indexOf(a.severity) - BY_URGENCY.indexOf(b.severity) || (a.id < b.id ? -1 : 1);
}
