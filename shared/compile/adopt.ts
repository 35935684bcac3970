// Adopting settings: what a forced patch takes of the configuration on disk, where the one in force does not fit the fix.
import type { ComponentKey } from '../schema/common.ts';
import { type InstanceConfig, MOST_ALLOWED } from '../schema/instance.ts';
import type { CapabilityRelease } from '../schema/release.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { capabilityConfigOf, withPart, withSettings } from './config.ts';
import { type AnyRelease, isCapability } from './releases.ts';
import type { Choice } from './running.ts';
import { checkSettings } from './settings.ts';
import type { NamedSetting } from './target.ts';

/**
 * The configuration in force, for what moves. A setting that the new release cannot take as it is follows the operator's
 * newer word on disk, and one that it no longer has is left behind; every other setting stays as it runs.
 */
export function adoptSettings(
  moved: Iterable<Choice>,
  inForce: InstanceConfig,
  onDisk: InstanceConfig,
): InstanceConfig {
  let config = inForce;
  for (const { release } of moved) {
    if (release === null || !isCapability(release)) continue;
    config = adoptAllowed(release.document, adoptFor(release.document, config, onDisk), onDisk);
  }
  return config;
}

/** What the operator has allowed since is there for the fix that needs it, and what it runs with now stays allowed. */
function adoptAllowed(
  release: CapabilityRelease,
  inForce: InstanceConfig,
  onDisk: InstanceConfig,
): InstanceConfig {
  const { suite, name } = release;
  const kept = capabilityConfigOf(inForce, suite, name).allow ?? [];
  const newer = capabilityConfigOf(onDisk, suite, name).allow ?? [];
  if (newer.every((reach) => kept.includes(reach))) return inForce;
  const allow = [...new Set([...newer, ...kept])].slice(0, MOST_ALLOWED);
  return withPart(inForce, release, { allow });
}

/** Whether the release could start, as far as its settings go. A platform or a suite has none. */
export function isConfigurable(
  release: AnyRelease,
  inForce: InstanceConfig,
  onDisk: InstanceConfig,
): boolean {
  if (!isCapability(release)) return true;
  return checkSettings(release.document, adoptFor(release.document, inForce, onDisk)).length === 0;
}

function adoptFor(
  release: CapabilityRelease,
  inForce: InstanceConfig,
  onDisk: InstanceConfig,
): InstanceConfig {
  const issues = checkSettings(release, inForce);
  if (issues.length === 0) return inForce;
  const { suite, name } = release;
  const unfit = new Set(issues.map(({ key }) => key));
  const wanted = new Set(issues.flatMap(({ key, fault }) => (fault === 'value' ? [key] : [])));
  const kept = Object.entries(capabilityConfigOf(inForce, suite, name).settings);
  const newer = Object.entries(capabilityConfigOf(onDisk, suite, name).settings);
  return withSettings(
    inForce,
    release,
    Object.fromEntries([
      ...kept.filter(([key]) => !unfit.has(key)),
      ...newer.filter(([key]) => wanted.has(key)),
    ]),
  );
}

/** The settings of these components that differ between two configurations. */
export function settingsBetween(
  from: InstanceConfig,
  to: InstanceConfig,
  components: Iterable<ComponentName>,
): readonly NamedSetting[] {
  return [...components].sort().flatMap((component) => {
    const [suite = '', name = ''] = component.split('/');
    const before = new Map(Object.entries(capabilityConfigOf(from, suite, name).settings));
    const after = new Map(Object.entries(capabilityConfigOf(to, suite, name).settings));
    return [...new Set([...before.keys(), ...after.keys()])]
      .filter((key) => before.get(key) !== after.get(key))
      .sort()
      .map((key) => ({ component: component as ComponentKey, key }));
  });
}
