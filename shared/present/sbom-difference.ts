// What a release is made of against what the one before was: packages that came, went, and changed their version.
import { sanitizeLine } from '../encoding/text.ts';
import { count } from '../errors/entry.ts';
import { componentsOf, type Sbom, type SbomComponent } from '../schema/sbom.ts';

export interface PackageChange {
  readonly name: string;
  /** Versions before and now: none where it came or went, several where it stands there more than once. */
  readonly from: readonly string[];
  readonly to: readonly string[];
}

export interface SbomDifference {
  readonly added: readonly PackageChange[];
  readonly removed: readonly PackageChange[];
  readonly changed: readonly PackageChange[];
}

export function compareSboms(before: Sbom, after: Sbom): SbomDifference {
  const [old, now] = [versionsIn(before), versionsIn(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].toSorted();
  const changes = names.flatMap((name) => {
    const [from, to] = [old.get(name) ?? [], now.get(name) ?? []];
    return from.join('\n') === to.join('\n') ? [] : [{ name, from, to }];
  });
  return {
    added: changes.filter(({ from }) => from.length === 0),
    removed: changes.filter(({ to }) => to.length === 0),
    changed: changes.filter(({ from, to }) => from.length > 0 && to.length > 0),
  };
}

/** One line for all of it. */
export function countDifference({ added, removed, changed }: SbomDifference): string {
  if (added.length + removed.length + changed.length === 0) return 'the same packages';
  return `${count(added.length, 'package')} added, ${removed.length} removed, ${changed.length} in other versions`;
}

/** So many are named; the others are counted. */
export const NAMED_PACKAGES = 50;

export function describeDifference({ added, removed, changed }: SbomDifference): readonly string[] {
  const lines = [
    ...changed.map(({ name, from, to }) => `  ${name}  ${from.join(', ')} → ${to.join(', ')}`),
    ...added.map(({ name, to }) => `  ${name}  ${to.join(', ')}  added`),
    ...removed.map(({ name, from }) => `  ${name}  ${from.join(', ')}  removed`),
  ].map((text) => sanitizeLine(text, 160));
  const rest = lines.length - NAMED_PACKAGES;
  return rest > 0 ? [...lines.slice(0, NAMED_PACKAGES), `  … and ${rest} more`] : lines;
}

function versionsIn(sbom: Sbom): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  for (const component of componentsOf(sbom)) {
    const name = nameOf(component);
    const versions = found.get(name) ?? new Set();
    versions.add(component.version ?? '');
    found.set(name, versions);
  }
  return new Map([...found].map(([name, versions]) => [name, [...versions].toSorted()]));
}

function nameOf({ group, name }: SbomComponent): string {
  return group === undefined || group === '' ? name : `${group}/${name}`;
}
