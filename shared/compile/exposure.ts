// Exposure: which open advisories affect which deployed versions.
import { mapped, type Pieces } from '../encoding/pieces.ts';
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
export function* selectExposures(
  manifest: DeploymentManifest,
  advisories: readonly Advisory[],
): Pieces<readonly Exposure[]> {
  const affectedBy = affectedAmong(manifest.components);
  const open = advisories.filter((advisory) => !advisory.withdrawn).toSorted(byUrgency);
  const found = yield* mapped(
    open,
    (advisory) =>
      affectedBy(advisory).map(({ component, version }) => ({
        advisory: advisory.id,
        severity: advisory.severity,
        component,
        version,
      })),
    ({ affected }) => affected.length,
  );
  return found.flat();
}

/** Which of them an advisory affects, in their order. What it names is little, what is deployed may be much. */
export function affectedAmong<Deployed extends { readonly component: string; readonly version: Version }>(
  deployed: readonly Deployed[],
): (advisory: Advisory) => readonly Deployed[] {
  const places = new Map<string, number>(deployed.map(({ component }, at) => [component, at]));
  return (advisory) =>
    [...new Set(advisory.affected.flatMap(({ component }) => places.get(component) ?? []))]
      .sort((a, b) => a - b)
      .flatMap((at) => deployed[at] ?? [])
      .filter(({ component, version }) => isAffected(advisory, component, version));
}

export function isAffected(advisory: Advisory, component: string, version: Version): boolean {
  return advisory.affected.some((entry) => entry.component === component && covers(entry.versions, version));
}

/** By id. */
export function openCritical(advisories: readonly Advisory[]): readonly Advisory[] {
  return openFrom(advisories, 'critical');
}

/** Those of this severity and above that still stand, most urgent first, then by id. */
export function openFrom(advisories: readonly Advisory[], from: Severity): readonly Advisory[] {
  const least = BY_URGENCY.indexOf(from);
  return advisories
    .filter((one) => BY_URGENCY.indexOf(one.severity) <= least && !one.withdrawn)
    .toSorted(byUrgency);
}

/** Below zero where `a` is the lesser evil: of the most severe kind that they differ in it has fewer. Two less severe ones never outweigh one. */
export function compareHoles(a: readonly Pick<Advisory, 'severity'>[], b: typeof a): number {
  const countIn = (holes: typeof a, severity: Severity) =>
    holes.filter((hole) => hole.severity === severity).length;
  const differences = BY_URGENCY.map((severity) => countIn(a, severity) - countIn(b, severity));
  return differences.find((difference) => difference !== 0) ?? 0;
}

function byUrgency(a: Advisory, b: Advisory): number {
  return BY_URGENCY.indexOf(a.severity) - BY_URGENCY.indexOf(b.severity) || (a.id < b.id ? -1 : 1);
}
