// Dependency order: what is required starts before what requires it.
import type { ComponentKey } from '../schema/common.ts';
import type { CapabilityRelease, Verified } from '../schema/release.ts';

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
