// How long the vendor's releases stay to be had: the day that a policy in years gives, and what speaks against taking one from the list.
import { billOfMaterials } from '../../../shared/compile/releases.ts';
import { type EpochMs, formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { Release } from '../../../shared/schema/release.ts';
import { componentNameOf, formatRef, refOf } from '../../../shared/schema/release-ref.ts';
import type { Rollout } from '../../../shared/schema/rollout.ts';
import type { TargetNotes } from '../../../shared/trust/target-notes.ts';
import { compareVersions, floorOf } from '../../../shared/version/version.ts';
import { checkRelease, type KnownRelease } from './checks.ts';

/** What the Cyber Resilience Act asks for at least (Art. 13(9)). */
export const DEFAULT_YEARS = 10;
export const MOST_YEARS = 100;

/** To the end of the calendar year in which the years are over: signatures that come weeks later, from other people, change nothing. */
export function lastDay(issued: EpochMs, years: number): string {
  return formatInstant(Date.UTC(new Date(issued).getUTCFullYear() + years + 1, 0, 1));
}

/** A day that was signed is never taken back. */
export function promise(notes: TargetNotes, until: string): TargetNotes {
  const was = notes.availableUntil;
  return was !== undefined && instantMs(was) >= instantMs(until)
    ? notes
    : { ...notes, availableUntil: until };
}

/** As long as the support that was promised: where that ends sooner now, the day says it instead. One that has no day stays for good. */
export function keepAsSupported(notes: TargetNotes, supportEnds: EpochMs): TargetNotes {
  return notes.availableUntil === undefined ? notes : promise(notes, formatInstant(supportEnds));
}

export interface Listed {
  readonly releases: readonly Release[];
  /** The same, with whether each is withdrawn. */
  readonly known: readonly KnownRelease[];
  readonly rollouts: readonly Rollout[];
  readonly advisories: readonly Advisory[];
}

export interface Need {
  readonly release: string;
  readonly by: string;
}

/** Why what stays listed still needs one of those that shall go; null where nothing does. */
export function findNeed(gone: readonly Release[], listed: Listed): Need | null {
  const names = new Set(gone.map((one) => formatRef(refOf(one))));
  return (
    findNaming(names, listed) ??
    findStop(names, listed.known) ??
    findShipping(names, listed.releases) ??
    findBroken(gone, names, listed)
  );
}

function findNaming(names: ReadonlySet<string>, { rollouts, advisories }: Listed): Need | null {
  const offered = rollouts.find((one) => names.has(formatRef(one.release)) && !one.withdrawn);
  if (offered !== undefined)
    return { release: formatRef(offered.release), by: `its rollout to ${offered.track}` };
  for (const { id, fixed, withdrawn } of advisories) {
    const fix = withdrawn ? undefined : fixed.find((one) => names.has(`${one.component}@${one.version}`));
    if (fix !== undefined) return { release: `${fix.component}@${fix.version}`, by: `the advisory ${id}` };
  }
  return null;
}

/** An install below a stop that is listed no longer would go straight past it: only the stop's own document says that it is one. */
function findStop(names: ReadonlySet<string>, known: readonly KnownRelease[]): Need | null {
  for (const stop of known) {
    if (!stop.requiredStop || !names.has(nameOf(stop))) continue;
    const above = known.find(
      (one) =>
        one.component === stop.component &&
        compareVersions(one.version, stop.version) > 0 &&
        !names.has(nameOf(one)),
    );
    if (above !== undefined)
      return { release: nameOf(stop), by: `it is a required stop on the way to ${nameOf(above)}` };
  }
  return null;
}

/** Of a range that a release ships agents are offered the floor and nothing else, so a higher version is no substitute. */
function findShipping(names: ReadonlySet<string>, releases: readonly Release[]): Need | null {
  for (const release of releases) {
    const by = formatRef(refOf(release));
    if (names.has(by)) continue;
    for (const [component, range] of billOfMaterials({ document: release })) {
      const shipped = `${component}@${floorOf(range)}`;
      if (names.has(shipped)) return { release: shipped, by: `${by} ships it as ${component} ${range}` };
    }
  }
  return null;
}

function findBroken(
  gone: readonly Release[],
  names: ReadonlySet<string>,
  { releases, known }: Listed,
): Need | null {
  // One that was withdrawn before meets no range any more, and what ships it lacked it already: its files would go all the same.
  const before = known.map((one) => (names.has(nameOf(one)) ? { ...one, withdrawn: false } : one));
  const left = known.filter((one) => !names.has(nameOf(one)));
  for (const release of releases) {
    if (names.has(formatRef(refOf(release)))) continue;
    const broken = failing(release, left).find((problem) => !failing(release, before).includes(problem));
    if (broken === undefined) continue;
    const needed = gone.find((one) => broken.includes(` ${componentNameOf(refOf(one))} `)) ?? gone[0];
    return {
      release: needed === undefined ? '' : formatRef(refOf(needed)),
      by: `${formatRef(refOf(release))}: ${broken}`,
    };
  }
  return null;
}

function nameOf({ component, version }: KnownRelease): string {
  return `${component}@${version}`;
}

/** It is listed itself: that its version is taken is no failure. */
function failing(release: Release, known: readonly KnownRelease[]): readonly string[] {
  return checkRelease(release, known)
    .filter(({ check, outcome }) => check !== 'unique version' && outcome === 'failed')
    .map(({ detail }) => detail);
}
