// Offers: which releases the vendor's rollouts let this instance install now, and what withholds the others.

import { instantMs } from '../encoding/instant.ts';
import { GRAIN, mapped, type Pieces, sorted } from '../encoding/pieces.ts';
import { type ClassFacts, describeFacts, isOfferedTo, membershipIn } from '../schema/classes.ts';
import { componentKeyOf } from '../schema/common.ts';
import { type ComponentName, componentNameOf, refOf } from '../schema/release-ref.ts';
import type { Rollout } from '../schema/rollout.ts';
import { compareVersions, floorOf, type Range, type Version } from '../version/version.ts';
import { classFactsOf } from './facts.ts';
import { activeHalts, haltedAgainstOrders, ordersBeyondHalts } from './halts.ts';
import type { AnyRelease, ReleaseIndex, ScopedHalt } from './releases.ts';
import { runningChoices } from './running.ts';
import type { CompileInput, Withheld } from './target.ts';
import { reachedAt } from './waves.ts';

export interface Offers {
  /** Digests of the release manifests that may be installed. */
  readonly offered: ReadonlySet<string>;
  /** What a rollout of the track would offer, were it not for a wave, a pause, a halt or the quarantine. */
  readonly withheld: ReadonlyMap<string, Withheld>;
  /** No new installs on this track; what runs stays. */
  readonly withdrawn: ReadonlySet<string>;
  /** What stops a release here now, by its digest. */
  readonly halts: ReadonlyMap<string, ScopedHalt>;
  /** Stopped by a halt even where an emergency order names them. */
  readonly haltedAgainstOrders: ReadonlySet<string>;
  /** Advisories whose orders no halt stops any more. */
  readonly ordersBeyondHalts: ReadonlySet<string>;
}

type OfferInput = Pick<
  CompileInput,
  'catalog' | 'config' | 'instance' | 'now' | 'quarantined' | 'current' | 'facts'
>;

/**
 * A rollout offers its release; a parent also offers what it ships. Of a bill-of-materials entry that is the floor of
 * its range (the version itself when exact): what the signed parent names, so no later release can change it. Higher
 * versions of a range need a rollout of their own. A release is never offered while it is withdrawn, halted or
 * quarantined, whoever ships it.
 */
export function* selectOffers(input: OfferInput, index: ReleaseIndex): Pieces<Offers> {
  const rollouts = yield* trackRollouts(input);
  const withdrawn = withdrawnDigests(rollouts);
  const facts = classFactsOf(input, index);
  const halts = activeHalts(input.catalog.halts, input.now, facts);
  const running = runningChoices(input.current, index);
  const offered = new Set<string>();
  const withheld = new Map<string, Withheld>();
  let since = 0;

  function* offer(release: AnyRelease, why: Withheld['why'] | null): Pieces<void> {
    const { digest } = release;
    if (withdrawn.has(digest) || offered.has(digest) || (why !== null && withheld.has(digest))) return;
    const reason = why ?? obstacle(release, halts, input.quarantined);
    if (reason === null) offered.add(digest);
    else withheld.set(digest, describe(release, reason));
    if (++since >= GRAIN) {
      yield since;
      since = 0;
    }
    for (const child of yield* shippedBy(release, index)) yield* offer(child, reason);
  }

  for (const rollout of rollouts) {
    const component = componentNameOf(rollout.release);
    const release = index.find(component, rollout.release.version);
    if (release?.digest !== rollout.digest) continue;
    yield* offer(
      release,
      running.get(component)?.digest === release.digest ? null : delay(rollout, input, facts),
    );
  }
  // A release on offer offers the required stop on the way to it: its own rollout may be long over.
  for (const [component, { version }] of running) {
    const releases = index.of(component);
    yield releases.length;
    const highest = releases.find((release) => offered.has(release.digest));
    const stop = firstStop(releases, version, withdrawn);
    if (highest !== undefined && stop !== undefined && isNewer(highest, stop)) yield* offer(stop, null);
  }
  for (const digest of offered) withheld.delete(digest);
  return {
    offered,
    withheld,
    withdrawn,
    halts,
    haltedAgainstOrders: haltedAgainstOrders(input.catalog, input.now, facts),
    ordersBeyondHalts: ordersBeyondHalts(input.catalog, input.now),
  };
}

// Sorted, so that two rollouts withholding the same release always give the same reason.
function* trackRollouts(input: OfferInput): Pieces<readonly Rollout[]> {
  const rollouts = input.catalog.rollouts.filter((one) => one.track === input.config.track);
  return yield* sorted(rollouts, (a, b) => (a.digest < b.digest ? -1 : 1));
}

function withdrawnDigests(rollouts: readonly Rollout[]): ReadonlySet<string> {
  return new Set(rollouts.filter((one) => one.withdrawn).map((one) => one.digest));
}

function isNewer(a: AnyRelease, b: AnyRelease): boolean {
  return compareVersions(a.document.version, b.document.version) > 0;
}

/** The entries of a release's bill of materials by component; none for a capability. */
export function billOfMaterials({
  document,
}: Pick<AnyRelease, 'document'>): readonly (readonly [ComponentName, Range])[] {
  switch (document.schema) {
    case 'fairlead/platform@1':
      return Object.entries(document.suites);
    case 'fairlead/suite@1':
      return Object.entries(document.capabilities).map(([name, range]) => [
        componentKeyOf(document.name, name),
        range,
      ]);
    case 'fairlead/capability@1':
      return [];
  }
}

/** A range is tried at its bounds and beside them. */
const LOOKS_FOR_FLOOR = 10;

function* shippedBy(release: AnyRelease, index: ReleaseIndex): Pieces<readonly AnyRelease[]> {
  const shipped = yield* mapped(
    billOfMaterials(release),
    ([component, range]) => {
      const floor = floorOf(range);
      return floor === null ? undefined : index.find(component, floor);
    },
    () => LOOKS_FOR_FLOOR,
  );
  return shipped.filter((one) => one !== undefined);
}

/** What keeps this instance from a rollout's release for now; null when its wave has come. */
function delay(rollout: Rollout, input: OfferInput, facts: ClassFacts): Withheld['why'] | null {
  const { classes } = rollout;
  if (classes !== undefined && !isOfferedTo(classes, facts)) {
    const found = membershipIn(classes, facts);
    const unknown = found.kind === 'unknown' ? found.facts : [];
    return { kind: 'class', classes, unknown, here: describeFacts(classes, facts) };
  }
  if (rollout.paused) return { kind: 'paused' };
  const at = reachedAt(rollout, input.instance, facts);
  return at <= input.now ? null : { kind: 'wave', at };
}

function obstacle(
  release: AnyRelease,
  halts: ReadonlyMap<string, ScopedHalt>,
  quarantined: ReadonlySet<string>,
): Withheld['why'] | null {
  if (quarantined.has(release.digest)) return { kind: 'quarantined' };
  const halt = halts.get(release.digest);
  return halt === undefined ? null : { kind: 'halted', reason: halt.reason, until: instantMs(halt.expires) };
}

function describe(release: AnyRelease, why: Withheld['why']): Withheld {
  const component = componentNameOf(refOf(release.document));
  return { component, version: release.document.version, release: release.digest, why };
}

/** The lowest required stop above a version. A withdrawn one binds nobody, or nobody could ever pass it. */
export function firstStop(
  newestFirst: readonly AnyRelease[],
  above: Version,
  withdrawn: ReadonlySet<string>,
): AnyRelease | undefined {
  return newestFirst.findLast(
    ({ document, digest }) =>
      document.requiredStop && !withdrawn.has(digest) && compareVersions(document.version, above) > 0,
  );
}
