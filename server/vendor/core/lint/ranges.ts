// Constraints: a range that no version can meet, or a component that asks for itself, can never be resolved.
import { nearest } from '../../../../shared/encoding/nearest.ts';
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import type { Release } from '../../../../shared/schema/release.ts';
import { componentNameOf, refOf } from '../../../../shared/schema/release-ref.ts';
import { floorOf, type Range } from '../../../../shared/version/version.ts';
import { problem, quote } from './problem.ts';

export function findRangeProblems(release: Release): readonly DocumentIssue[] {
  const own = componentNameOf(refOf(release));
  const listed: readonly (readonly [string, Range])[] = [
    ...Object.entries(release.requires).map(([name, range]) => [`requires.${name}`, range] as const),
    ...partsOf(release),
  ];
  return [
    ...listed.flatMap(([path, range]) => impossible(path, range)),
    ...Object.keys(release.requires).flatMap((name) => requirement(name, own, release)),
  ];
}

function partsOf(release: Release): readonly (readonly [string, Range])[] {
  if (release.schema === 'fairlead/capability@1') return [];
  const [key, parts] =
    release.schema === 'fairlead/suite@1'
      ? ['capabilities', release.capabilities]
      : ['suites', release.suites];
  return Object.entries(parts).map(([name, range]) => [`${key}.${name}`, range] as const);
}

function impossible(path: string, range: Range): readonly DocumentIssue[] {
  if (floorOf(range) !== null) return [];
  return [problem(path, quote(range), 'a range that some version meets', 'correct its bounds')];
}

function requirement(name: string, own: string, release: Release): readonly DocumentIssue[] {
  const path = `requires.${name}`;
  if (name === own) {
    return [problem(path, quote(name), 'another component than the release itself', 'remove it')];
  }
  const parts = new Set(partsOf(release).map(([place]) => place.slice(place.indexOf('.') + 1)));
  const short = name.startsWith(`${own}/`) ? name.slice(own.length + 1) : name;
  if (parts.has(short)) {
    return [
      problem(
        path,
        quote(name),
        'no part of the release itself',
        'remove it: the list of parts says the same',
      ),
    ];
  }
  // A requirement on the platform, misspelt, would read as one on a suite.
  if (!name.includes('/') && name !== 'platform' && nearest(name, ['platform']) !== null) {
    return [problem(path, quote(name), '"platform" or a suite', 'did you mean "platform"?')];
  }
  return [];
}
