// The plan: the ordered steps from what runs to a target, as plain data; its identity, and how it differs from another.

import { type Digest, digestOfValue } from '../encoding/digest.ts';
import { formatBytes } from '../errors/entry.ts';
import type { ComponentKey } from '../schema/common.ts';
import type {
  DeploymentManifest,
  ManifestComponent,
  Plan,
  PlanReason,
  PlanStep,
} from '../schema/deployment.ts';
import type { InstanceConfig } from '../schema/instance.ts';
import type { CapabilityRelease, Reversible, Verified } from '../schema/release.ts';
import { compareVersions } from '../version/version.ts';
import { capabilityConfigOf, describeOverride } from './config.ts';
import type { Target } from './target.ts';

export interface PlanInput {
  readonly from: Target | null;
  readonly to: Target;
  readonly reason: PlanReason;
  /** Digests of the trees already in the store. */
  readonly stored: ReadonlySet<string>;
}

/** Null when versions, trees and settings already are what the target says. */
export function planBetween({ from, to, reason, stored }: PlanInput): Plan | null {
  const steps = stepsBetween(from, to, stored);
  if (steps.length === 0 && (from === null || isSameRelease(from.manifest, to.manifest))) return null;
  const stopping = new Set(steps.filter((step) => step.action !== 'install').map((step) => step.component));
  const starting = new Set(steps.filter((step) => step.action !== 'remove').map((step) => step.component));
  return {
    schema: 'fairlead/plan@1',
    from: from === null ? null : manifestDigest(from.manifest),
    to: manifestDigest(to.manifest),
    reason,
    steps,
    stop: from === null ? [] : dependencyOrder(stopping, from.releases).reverse(),
    start: dependencyOrder(starting, to.releases),
    reversible: leastReversible(steps.map((step) => step.reversible)),
  };
}

function stepsBetween(from: Target | null, to: Target, stored: ReadonlySet<string>): PlanStep[] {
  const before = componentsOf(from);
  const after = componentsOf(to);
  const fetched = new Set<Digest>();
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((component) => {
    const old = before.get(component);
    const next = after.get(component);
    const action = actionFor(from, to, old, next);
    if (action === null) return [];
    const tree = next?.tree;
    // Two capabilities may share a tree: it is fetched once.
    const isNew = tree !== undefined && !stored.has(tree) && !fetched.has(tree);
    if (isNew) fetched.add(tree);
    return {
      action,
      component,
      from: old?.version ?? null,
      to: next?.version ?? null,
      bytes: isNew ? (to.releases.get(component)?.document.tree.bytes ?? 0) : 0,
      reversible: reversibility(from, to, old, next),
      ...(next === undefined ? {} : overrideOf(to, component)),
    };
  });
}

function actionFor(
  from: Target | null,
  to: Target,
  old: ManifestComponent | undefined,
  next: ManifestComponent | undefined,
): PlanStep['action'] | null {
  if (next === undefined) return 'remove';
  if (old === undefined || from === null) return 'install';
  if (old.release !== next.release || old.tree !== next.tree) return 'update';
  return settingsText(from, next.component) === settingsText(to, next.component) ? null : 'reconfigure';
}

// The release is the same on both sides, and so are its defaults: comparing what the admin wrote is enough.
function settingsText({ config }: Target, component: ComponentKey): string {
  const [suite = '', name = ''] = component.split('/');
  const { settings, override } = capabilityConfigOf(config, suite, name);
  return JSON.stringify([Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)), override?.text]);
}

/** Named in the plan, so that an approval is of what was there to be read. */
function overrideOf({ config }: Target, component: ComponentKey): Pick<PlanStep, 'override'> {
  const override = describeOverride(config, component);
  return override === null ? {} : { override };
}

/** Going up, the new version says whether it may be left again; going down, the one that is left does. */
function reversibility(
  from: Target | null,
  to: Target,
  old: ManifestComponent | undefined,
  next: ManifestComponent | undefined,
): Reversible {
  if (next === undefined) return 'yes';
  const isDown = old !== undefined && compareVersions(next.version, old.version) < 0;
  const left = isDown ? from?.releases.get(next.component) : to.releases.get(next.component);
  return left?.document.reversible ?? 'undeclared';
}

const LEAST_FIRST = ['no', 'undeclared', 'snapshot'] as const;

function leastReversible(all: readonly Reversible[]): Reversible {
  return LEAST_FIRST.find((one) => all.includes(one)) ?? 'yes';
}

function componentsOf(target: Target | null): ReadonlyMap<ComponentKey, ManifestComponent> {
  return new Map(target?.manifest.components.map((one) => [one.component, one]));
}

/** The same platform and suites: a new release of those may change no capability at all. */
function isSameRelease(a: DeploymentManifest, b: DeploymentManifest): boolean {
  return digestOfValue([a.platform, a.suites]) === digestOfValue([b.platform, b.suites]);
}

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

type Releases = ReadonlyMap<ComponentKey, Verified<CapabilityRelease>>;

/**
 * The components so that each comes after those it requires, directly or through others; by name where nothing else
 * decides. A circle of requirements is entered at its first name.
 */
export function dependencyOrder(components: ReadonlySet<ComponentKey>, releases: Releases): ComponentKey[] {
  const ordered: ComponentKey[] = [];
  const seen = new Set<ComponentKey>();
  const visit = (component: ComponentKey): void => {
    if (seen.has(component)) return;
    seen.add(component);
    for (const required of requiredBy(component, releases)) visit(required);
    if (components.has(component)) ordered.push(component);
  };
  for (const component of [...components].sort()) visit(component);
  return ordered;
}

function requiredBy(component: ComponentKey, releases: Releases): readonly ComponentKey[] {
  const requires = releases.get(component)?.document.requires ?? {};
  return (Object.keys(requires) as ComponentKey[]).filter((name) => releases.has(name)).sort();
}

/** One sentence for each difference, by component; empty only for equal plans. */
export function diffPlans(before: Plan, after: Plan): string[] {
  const old = new Map(before.steps.map((step) => [step.component, step]));
  const next = new Map(after.steps.map((step) => [step.component, step]));
  const components = [...new Set([...old.keys(), ...next.keys()])].sort();
  const lines = components.flatMap((component) => {
    const [was, is] = [old.get(component), next.get(component)].map(describeStep);
    return was === is ? [] : [`${component}: ${is ?? 'stays as it is'}, was: ${was ?? 'stays as it is'}`];
  });
  if (before.from !== after.from) lines.push('it starts from another deployment than the one that ran then');
  if (before.reversible !== after.reversible) {
    lines.push(`the way back: ${after.reversible}, was: ${before.reversible}`);
  }
  if (before.reason.kind !== after.reason.kind) {
    lines.push(`the reason: ${after.reason.kind}, was: ${before.reason.kind}`);
  }
  if (`${before.stop}/${before.start}` !== `${after.stop}/${after.start}`) {
    lines.push('services stop or start in another order');
  }
  // Same versions and another digest: other files under the same number, or other settings.
  if (lines.length === 0 && before.to !== after.to) lines.push('the files or the settings behind it changed');
  return lines;
}

function describeStep(step: PlanStep | undefined): string | undefined {
  if (step === undefined) return undefined;
  const { action, from, to, bytes, reversible } = step;
  return `${action} ${from ?? 'none'} → ${to ?? 'none'} (${formatBytes(bytes)}, way back ${reversible})`;
}
