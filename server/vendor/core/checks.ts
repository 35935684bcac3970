// Stage 3, the checks a release must pass that follow from what is released already.

import type { CheckResult } from '../../../shared/change/change.ts';
import { billOfMaterials } from '../../../shared/compile/releases.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { count } from '../../../shared/errors/entry.ts';
import type { Release } from '../../../shared/schema/release.ts';
import { type ComponentName, componentNameOf, formatRef, refOf } from '../../../shared/schema/release-ref.ts';
import { compareVersions, type Range, satisfies, type Version } from '../../../shared/version/version.ts';

/** A signed release, and whether it was withdrawn from every track that it was offered to. */
export interface KnownRelease {
  /** `platform`, a suite's name, or `suite/capability`. */
  readonly component: ComponentName;
  readonly version: Version;
  readonly requiredStop: boolean;
  readonly withdrawn: boolean;
}

/** One that is about to be signed. */
export function knownFrom(release: Release): KnownRelease {
  const { version, requiredStop } = release;
  return { component: componentNameOf(refOf(release)), version, requiredStop, withdrawn: false };
}

/** The components that the checks of releases are about. */
export function checkedBeside(...releases: readonly Release[]): ReadonlySet<ComponentName> {
  return new Set(releases.flatMap((release) => [componentNameOf(refOf(release)), ...namedIn(release)]));
}

/** The components that a release requires or ships. */
export function namedIn(release: Release): readonly ComponentName[] {
  const shipped = billOfMaterials({ document: release }).map(([component]) => component);
  return [...Object.keys(release.requires), ...shipped];
}

/** Every check with its verdict: one that fails does not hide the next. */
export function checkRelease(release: Release, known: readonly KnownRelease[]): readonly CheckResult[] {
  return [
    checkUnique(release, known),
    checkRanges('requires', Object.entries(release.requires), release, known),
    ...(release.schema === 'fairlead/capability@1'
      ? []
      : [checkRanges('bill of materials', billOfMaterials({ document: release }), release, known)]),
    checkRequiredStops(release, known),
  ];
}

/** The newest released version of a component that a range allows. */
export function bestRelease(
  component: string,
  range: Range,
  known: readonly KnownRelease[],
): KnownRelease | undefined {
  return known
    .filter((one) => !one.withdrawn && one.component === component && satisfies(one.version, range))
    .toSorted((a, b) => compareVersions(b.version, a.version))[0];
}

function checkUnique(release: Release, known: readonly KnownRelease[]): CheckResult {
  const name = formatRef(refOf(release));
  const taken = known.some(({ component, version }) => `${component}@${version}` === name);
  return toCheckResult('unique version', !taken, taken ? `${name} is released already` : `${name} is new`);
}

/** What is asked for must exist: a release that can never be resolved would only be found on customers' machines. */
function checkRanges(
  check: string,
  ranges: readonly (readonly [string, Range])[],
  release: Release,
  known: readonly KnownRelease[],
): CheckResult {
  const candidates = [...known, knownFrom(release)];
  const missing = ranges.filter(
    ([component, range]) => bestRelease(component, range, candidates) === undefined,
  );
  if (missing.length === 0)
    return toCheckResult(check, true, `${count(ranges.length, 'constraint')} can be met`);
  const list = missing.map(([component, range]) => `${component} ${range}`).join(', ');
  return toCheckResult(check, false, `no release meets ${list}`);
}

/** A required stop that was withdrawn closes the way up for everyone below it. */
function checkRequiredStops(release: Release, known: readonly KnownRelease[]): CheckResult {
  const { component } = knownFrom(release);
  const stops = known.filter(
    (each) =>
      each.requiredStop && each.component === component && compareVersions(each.version, release.version) < 0,
  );
  const closed = stops.filter(({ withdrawn }) => withdrawn).map((stop) => stop.version);
  if (closed.length > 0) return toCheckResult('required stops', false, `withdrawn: ${closed.join(', ')}`);
  const open = stops.map((stop) => stop.version).join(', ');
  return toCheckResult(
    'required stops',
    true,
    open === '' ? 'none before this version' : `by way of ${open}`,
  );
}

export function toCheckResult(check: string, passes: boolean, detail: string): CheckResult {
  return { check, outcome: passes ? 'passed' : 'failed', detail: sanitizeLine(detail, 300) };
}
