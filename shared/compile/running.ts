// What runs, as choices the solver can keep.
import type { Digest } from '../encoding/digest.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import type { Version } from '../version/version.ts';
import type { ReleaseIndex } from './release-index.ts';
import type { AnyRelease } from './releases.ts';
import type { Target } from './target.ts';

/** One version of a component. `release` is null where what runs is no longer in the catalog. */
export interface Choice {
  readonly version: Version;
  /** Of the release manifest. */
  readonly digest: Digest;
  readonly release: AnyRelease | null;
}

/** Platform first, then suites, then capabilities, each by name. */
export function runningChoices(
  current: Target | null,
  index: ReleaseIndex,
): ReadonlyMap<ComponentName, Choice> {
  if (current === null) return new Map();
  const { platform, suites, components } = current.manifest;
  const parts: readonly (readonly [ComponentName, Version, Digest])[] = [
    ...(platform === null ? [] : [['platform', platform.version, platform.release] as const]),
    ...suites.map((suite) => [suite.name, suite.version, suite.release] as const),
    ...components.map((one) => [one.component, one.version, one.release] as const),
  ];
  const kept = new Map<ComponentName, AnyRelease>(current.releases);
  return new Map(
    parts.map(([component, version, digest]) => {
      const known = [index.find(component, version), kept.get(component)];
      const release = known.find((one) => one?.digest === digest) ?? null;
      return [component, { version, digest, release }];
    }),
  );
}

export function choiceOf(release: AnyRelease): Choice {
  return { version: release.document.version, digest: release.digest, release };
}

/** Lists of releases are asked for over and over. */
const choices = new WeakMap<readonly AnyRelease[], readonly Choice[]>();

export function choicesOf(releases: readonly AnyRelease[]): readonly Choice[] {
  const known = choices.get(releases) ?? releases.map(choiceOf);
  choices.set(releases, known);
  return known;
}
