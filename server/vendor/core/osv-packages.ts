// What of an OSV record is ours: the components that are released as its packages, and the fixes of them where somebody says their ranges otherwise.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { count } from '../../../shared/errors/entry.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { covers, isVersion, type Version } from '../../../shared/version/version.ts';
import { withoutBuild } from './osv-ranges.ts';
import type { OsvAffected, OsvRecord } from './osv-record.ts';

/** `npm:node-red`, or a purl without its version, and the component that is released as it. */
export interface PackageName {
  readonly package: string;
  readonly component: ComponentKey;
}

export function componentsOf(entry: OsvAffected, packages: readonly PackageName[]): readonly ComponentKey[] {
  const names = namesOf(entry);
  return [
    ...new Set(packages.filter((one) => names.includes(one.package)).map(({ component }) => component)),
  ];
}

function namesOf({ package: named }: OsvAffected): readonly string[] {
  if (named === undefined || named === null) return [];
  const { ecosystem, name, purl } = named;
  return [
    `${ecosystem}:${name}`,
    ...(purl === undefined || purl === null ? [] : [purl.replace(/[@?#].*$/, '')]),
  ];
}

/** For people. */
export function labelOf(entry: OsvAffected): string {
  return sanitizeLine(namesOf(entry)[0] ?? 'a package without a name', 100);
}

interface FixContext {
  readonly packages: readonly PackageName[];
  /** What is said. */
  readonly affected: Advisory['affected'];
  /** Takes what of the record is not taken over. */
  readonly leftOut: string[];
}

/** An order without a fix moves nobody, so each version that cannot be one is told. */
export function readFixes(record: OsvRecord, { packages, affected, leftOut }: FixContext): Advisory['fixed'] {
  const fixes = new Map<string, Advisory['fixed'][number]>();
  const others = new Set<string>();
  for (const entry of record.affected ?? []) {
    const components = componentsOf(entry, packages);
    for (const text of fixedIn(entry)) {
      const version = isVersion(text) ? text : null;
      const fixed = version === null ? [] : components.filter((one) => isFixOf(affected, one, version));
      if (version === null || fixed.length === 0) others.add(text);
      else for (const component of fixed) fixes.set(`${component}@${version}`, { component, version });
    }
  }
  if (others.size > 0) {
    const first = [...others].slice(0, 5).map((text) => sanitizeLine(text, 50));
    leftOut.push(
      `${count(others.size, 'fixed version')} that cannot be taken for a fix of --affected: ${first.join(', ')}; give --fixed`,
    );
  }
  return [...fixes.values()];
}

/** Commits are no versions of anybody. */
function fixedIn({ ranges }: OsvAffected): readonly string[] {
  const events = (ranges ?? []).flatMap((range) => (range.type === 'GIT' ? [] : range.events));
  return events.flatMap(({ fixed }) => (fixed === undefined ? [] : withoutBuild(fixed)));
}

function isFixOf(affected: Advisory['affected'], component: ComponentKey, version: Version): boolean {
  const ranges = affected.filter((entry) => entry.component === component);
  return ranges.length > 0 && !ranges.some(({ versions }) => covers(versions, version));
}
