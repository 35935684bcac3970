// What a trial over the known fleet needs of a long history: documents of components that its installs run, and of whatever those name.
import { type Catalog, EMPTY_CATALOG } from '../../../shared/compile/releases.ts';
import type { Release, Verified } from '../../../shared/schema/release.ts';
import {
  type ComponentName,
  componentAt,
  offeredPath,
  rolloutPathAt,
} from '../../../shared/schema/release-ref.ts';
import { namedBy, scopeOf } from '../core/fleet-scope.ts';
import type { FleetKind } from '../core/fleet-trial.ts';
import { listSigned, readAdvisories, readReleasesAt, readRolloutsAt } from './documents.ts';

/** The trial comes to the same with this as with everything that is signed. Errors: vendor/repository-invalid, document/*. */
export async function readFleetCatalog(
  directory: string,
  candidates: readonly Verified<Release>[],
  kinds: readonly FleetKind[],
): Promise<Catalog> {
  const places = await placesByComponent(directory);
  const { components, tracks } = scopeOf(candidates, kinds, new Set(places.keys()));
  if (components.size === 0) return EMPTY_CATALOG;
  const releases: Verified<Release>[] = [];
  const seen = new Set<ComponentName>();
  for (let next = [...components]; next.length > 0; ) {
    for (const name of next) seen.add(name);
    const read = await readReleasesAt(
      directory,
      next.flatMap((name) => places.get(name) ?? []),
    );
    releases.push(...read);
    next = [...new Set(read.flatMap(namedBy))].filter((name) => !seen.has(name));
  }
  const offered = [...seen].flatMap((name) => places.get(name) ?? []);
  const rollouts = await readRolloutsAt(
    directory,
    [...tracks].flatMap((track) => offered.map((place) => rolloutPathAt(track, place))),
  );
  const advisories = await readAdvisories(directory);
  return {
    ...EMPTY_CATALOG,
    releases,
    rollouts: rollouts.map(({ document }) => document),
    advisories: advisories.map(({ document }) => document),
  };
}

async function placesByComponent(directory: string): Promise<ReadonlyMap<ComponentName, readonly string[]>> {
  const paths = [...(await listSigned(directory, 'releases')).keys()];
  return Map.groupBy(
    paths.filter((path) => offeredPath(path) === null),
    componentAt,
  );
}
