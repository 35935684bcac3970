// Assembling a deployment manifest: from chosen versions to the document, with the origin of each.
import type { ComponentKey } from '../schema/common.ts';
import type { DeploymentManifest, ManifestComponent, Origin } from '../schema/deployment.ts';
import type { CapabilityRelease, Verified } from '../schema/release.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import type { Context } from './context.ts';
import { configDigest } from './plan.ts';
import { type AnyRelease, isCapability } from './releases.ts';
import type { Assignment } from './repair.ts';
import type { Choice } from './running.ts';
import type { Target } from './target.ts';
import { isCapabilityName } from './variables.ts';

/** `forced`: the advisory behind each component that one moved. */
export function assemble(
  context: Context,
  assignment: Assignment,
  forced: ReadonlyMap<ComponentName, string>,
): Target {
  const chosen = [...assignment].filter((entry): entry is [ComponentName, Choice] => entry[1] !== null);
  const sorted = chosen.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const platform = assignment.get('platform') ?? null;
  const manifest: DeploymentManifest = {
    schema: 'fairlead/deployment@1',
    platform: platform === null ? null : { version: platform.version, release: platform.digest },
    suites: sorted
      .filter(([name]) => name !== 'platform' && !isCapabilityName(name))
      .map(([name, choice]) => ({ name, version: choice.version, release: choice.digest })),
    components: sorted
      .filter(([name]) => isCapabilityName(name))
      .map(([name, choice]) => componentOf(context, name as ComponentKey, choice, forced.get(name))),
    config: configDigest(context.input.config),
  };
  return { manifest, releases: releasesOf(sorted), config: context.input.config };
}

function componentOf(
  context: Context,
  component: ComponentKey,
  choice: Choice,
  advisory: string | undefined,
): ManifestComponent {
  const running = context.input.current?.manifest.components.find((one) => one.component === component);
  const kept = running?.release === choice.digest ? running : undefined;
  const tree = choice.release === null ? kept?.tree : treeOf(choice.release);
  if (tree === undefined) throw new TypeError(`${component} has neither a release nor a running tree`);
  const origin = advisory === undefined ? originOf(context, component, choice, kept) : `forced:${advisory}`;
  return { component, version: choice.version, release: choice.digest, tree, origin };
}

function originOf(
  context: Context,
  component: ComponentKey,
  choice: Choice,
  kept: ManifestComponent | undefined,
): Origin {
  const standing = context.standing.get(component);
  const pinned = context.pins.governing(component);
  if (pinned !== null) return kept !== undefined && standing !== undefined ? kept.origin : pinned;
  if (kept === undefined || context.offers.isOffered(component, choice.version, choice.digest))
    return 'latest';
  return kept.origin.startsWith('forced:') ? kept.origin : 'unchanged';
}

function treeOf(release: AnyRelease): ManifestComponent['tree'] | undefined {
  return isCapability(release) ? release.document.tree.digest : undefined;
}

function releasesOf(
  chosen: readonly (readonly [ComponentName, Choice])[],
): ReadonlyMap<ComponentKey, Verified<CapabilityRelease>> {
  const releases = new Map<ComponentKey, Verified<CapabilityRelease>>();
  for (const [name, { release }] of chosen) {
    if (release !== null && isCapability(release)) releases.set(name as ComponentKey, release);
  }
  return releases;
}
