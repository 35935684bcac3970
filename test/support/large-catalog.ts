// Large catalogs with constraints, and the least that any resolver must do with them.
import semver from 'semver';
import type { CompileInput } from '../../shared/compile/target.ts';
import { digestFromHex } from '../../shared/encoding/digest.ts';
import type { CapabilityRelease, Release, Verified } from '../../shared/schema/release.ts';
import type { Rollout } from '../../shared/schema/rollout.ts';
import type { Version } from '../../shared/version/version.ts';
import { buildRelease, compileInputOf } from './scenario.ts';

/** What version `1.<version>.0` of capability number `capability` requires. */
export type Requires = (capability: number, version: number) => Readonly<Record<string, string>>;

/** Each capability wants a recent version of the one before it, and any of one farther away. */
export const entwined: Requires = (capability, version) =>
  capability === 0
    ? {}
    : {
        [`core/c${capability - 1}`]: `>=1.${Math.max(0, version - 20)}.0`,
        [`core/c${Math.floor(capability / 2)}`]: '^1.0.0',
      };

/** Each capability wants its own version of the next: the last one decides for all. */
export function chained(capabilities: number): Requires {
  return (capability, version) =>
    capability === capabilities - 1 ? {} : { [`core/c${capability + 1}`]: `>=1.${version}.0` };
}

export function largeInput(capabilities: number, versions: number, requires: Requires): CompileInput {
  const model = buildRelease({
    kind: 'capability',
    suite: 'core',
    name: 'model',
    version: '1.0.0' as Version,
  });
  const releases: Verified<Release>[] = [];
  const rollouts: Rollout[] = [];
  for (let capability = 0; capability < capabilities; capability++) {
    for (let version = 0; version < versions; version++) {
      const digest = digestFromHex((capability * versions + version).toString(16).padStart(64, '0'));
      const named = { name: `c${capability}`, version: `1.${version}.0` as Version };
      const document = {
        ...(model.document as CapabilityRelease),
        ...named,
        requires: requires(capability, version),
      } as Release;
      releases.push({ document, bytes: model.bytes, digest });
      rollouts.push({
        schema: 'fairlead/rollout@1',
        release: { kind: 'capability', suite: 'core', ...named },
        digest,
        track: 'stable',
        seed: 'seed',
        start: '2026-03-01T00:00:00Z',
        waves: [{ percent: 100, after: 'PT0S' }],
        paused: false,
        withdrawn: false,
      });
    }
  }
  const empty = compileInputOf({ releases: {} });
  return { ...empty, catalog: { ...empty.catalog, releases, rollouts } };
}

/** Parses every version and sorts each capability's: what any resolver must do at least. */
export function barePass({ catalog }: CompileInput): number {
  const groups = Map.groupBy(catalog.releases, ({ document }) => (document as CapabilityRelease).name);
  let newest = 0;
  for (const group of groups.values()) {
    const sorted = group.map(({ document }) => new semver.SemVer(document.version)).sort(semver.compare);
    newest += sorted.at(-1)?.minor ?? 0;
  }
  return newest;
}
