// Which part of what is signed a trial over the known fleet can come to: by the names of components and of tracks.
import type { Release, Verified } from '../../../shared/schema/release.ts';
import { type ComponentName, componentNameOf, refOf } from '../../../shared/schema/release-ref.ts';
import { namedIn } from './checks.ts';
import { type FleetKind, isConcerned } from './fleet-trial.ts';

export interface FleetScope {
  /** Where the trial begins; what their releases name comes to it. */
  readonly components: ReadonlySet<ComponentName>;
  readonly tracks: ReadonlySet<string>;
}

/** `released` are the components of which any version is signed. */
export function scopeOf(
  candidates: readonly Verified<Release>[],
  kinds: readonly FleetKind[],
  released: ReadonlySet<ComponentName>,
): FleetScope {
  const [candidate] = candidates;
  const concerned = kinds.filter((kind) => candidate !== undefined && isConcerned(candidate.document, kind));
  if (concerned.length === 0) return { components: new Set(), tracks: new Set() };
  return {
    components: new Set([
      'platform',
      ...concerned.flatMap((kind) => componentsOf(kind, released)),
      ...candidates.flatMap(({ document }) => withSuite(componentNameOf(refOf(document)))),
      ...candidates.flatMap(namedBy),
    ]),
    tracks: new Set(concerned.map(({ track }) => track)),
  };
}

/** The components that a release requires or ships, and the suites above them. */
export function namedBy({ document }: Pick<Verified<Release>, 'document'>): readonly ComponentName[] {
  return namedIn(document).flatMap(withSuite);
}

/** A suite is part of an install as long as any capability of it is out, though what runs of it be unknown here. */
function componentsOf(
  { components, pins }: FleetKind,
  released: ReadonlySet<ComponentName>,
): readonly ComponentName[] {
  const unknown = components.flatMap(({ component }) =>
    released.has(component) ? [] : [`${component.split('/')[0]}/`],
  );
  const beside = [...released].filter((name) => unknown.some((suite) => name.startsWith(suite)));
  return [
    ...components.map(({ component }) => component),
    ...pins.map(({ pinned }) => pinned),
    ...beside,
  ].flatMap(withSuite);
}

function withSuite(component: ComponentName): readonly ComponentName[] {
  const slash = component.indexOf('/');
  return slash === -1 ? [component] : [component.slice(0, slash), component];
}
