// Naming releases: what a person types (`core/auth@1.0.1`), and where a release stands in the repository.
import { z } from 'zod';
import { type Digest, hexOf } from '../encoding/digest.ts';
import { FairleadError, isFairleadError } from '../errors/error.ts';
import { isVersion, parseVersion, type Version } from '../version/version.ts';
import { type ComponentKey, componentKeyOf, NAME_PATTERN, name, version } from './common.ts';
import type { Release } from './release.ts';

export const releaseRef = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('platform'), version }),
  z.strictObject({ kind: z.literal('suite'), name, version }),
  z.strictObject({ kind: z.literal('capability'), suite: name, name, version }),
]);
export type ReleaseRef = z.output<typeof releaseRef>;
export type ReleaseKind = ReleaseRef['kind'];

/** A component without its version: `platform`, a suite's name, or `suite/capability`. */
export type ComponentName = string;

export function refOf(release: Release): ReleaseRef {
  switch (release.schema) {
    case 'fairlead/platform@1':
      return { kind: 'platform', version: release.version };
    case 'fairlead/suite@1':
      return { kind: 'suite', name: release.name, version: release.version };
    case 'fairlead/capability@1':
      return { kind: 'capability', suite: release.suite, name: release.name, version: release.version };
  }
}

export function componentNameOf(ref: ReleaseRef): ComponentName {
  if (ref.kind === 'platform') return 'platform';
  return ref.kind === 'suite' ? ref.name : componentKeyOf(ref.suite, ref.name);
}

/** `core/auth@1.0.1`, for people. */
export function formatRef(ref: ReleaseRef): string {
  return `${componentNameOf(ref)}@${ref.version}`;
}

/** Errors: reference/invalid, version/invalid. */
export function parseRef(text: string): ReleaseRef {
  const at = text.lastIndexOf('@');
  if (at < 1) throw new FairleadError('reference/invalid', { value: text });
  return refFor(text.slice(0, at), parseVersion(text.slice(at + 1)));
}

/** Error: reference/invalid. */
export function refFor(component: ComponentName, of: Version): ReleaseRef {
  if (component === 'platform') return { kind: 'platform', version: of };
  const [first, second, ...rest] = component.split('/');
  const valid = [first, second ?? 'x'].every((part) => part !== undefined && NAME_PATTERN.test(part));
  if (!valid || rest.length > 0 || first === undefined) {
    throw new FairleadError('reference/invalid', { value: component });
  }
  if (second === undefined) return { kind: 'suite', name: first, version: of };
  return { kind: 'capability', suite: first, name: second, version: of };
}

/** The TUF target path of a release manifest. */
export function releasePath(ref: ReleaseRef): string {
  switch (ref.kind) {
    case 'platform':
      return `platform/${ref.version}.json`;
    case 'suite':
      return `suites/${ref.name}/${ref.version}.json`;
    case 'capability':
      return `capabilities/${ref.suite}/${ref.name}/${ref.version}.json`;
  }
}

/** The other way round; null for what is no release. */
export function parseReleasePath(path: string): ReleaseRef | null {
  const [, component, version] =
    /^(?:(?=platform\/)|suites\/|capabilities\/)(.+)\/([^/]+)\.json$/.exec(path) ?? [];
  if (component === undefined || version === undefined || !isVersion(version)) return null;
  const ref = refOrNull(component, version);
  return ref !== null && releasePath(ref) === path ? ref : null;
}

/** Whose release has its place there, by the text of the path alone: of thousands a few are asked about. */
export function componentAt(path: string): ComponentName {
  const folder = path.startsWith('platform/') ? 0 : path.indexOf('/') + 1;
  return path.slice(folder, path.lastIndexOf('/'));
}

function refOrNull(component: ComponentName, of: Version): ReleaseRef | null {
  try {
    return refFor(component, of);
  } catch (error) {
    if (isFairleadError(error, 'reference/invalid')) return null;
    throw error;
  }
}

/** The TUF target path of the rollout that offers a release to a track. */
export function rolloutPath(track: string, ref: ReleaseRef): string {
  return rolloutPathAt(track, releasePath(ref));
}

/** The same, by the path of the release. */
export function rolloutPathAt(track: string, release: string): string {
  return `rollouts/${track}/${release}`;
}

/** The path of the release that the rollout at this path offers; null where that is no rollout's. */
export function offeredPath(path: string): string | null {
  return /^rollouts\/[^/]+\/(.+)$/.exec(path)?.[1] ?? null;
}

/** The TUF target path of an advisory. */
export function advisoryPath(id: string): string {
  return `advisories/${id}.json`;
}

/** The TUF target path of the halt of one release: named by the release manifest's digest. */
export function haltPath(release: Digest): string {
  return `halts/${hexOf(release)}.json`;
}

/** The TUF target path of the classes that a halt is limited to. */
export function haltScopePath(release: Digest): string {
  return `halts/${hexOf(release)}.scope.json`;
}

/** The TUF target path of what an advisory's order says beyond it. */
export function orderTermsPath(advisory: string): string {
  return `advisories/${advisory}.terms.json`;
}

/** The TUF target path of what an advisory says to people beyond what installs act on. */
export function advisoryDetailsPath(advisory: string): string {
  return `advisories/${advisory}.details.json`;
}

export function capabilityKey(ref: ReleaseRef & { readonly kind: 'capability' }): ComponentKey {
  return componentKeyOf(ref.suite, ref.name);
}
