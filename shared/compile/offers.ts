// Offers: which releases the vendor's rollouts let this instance install now, and what withholds the others.

import { instantMs } from '../encoding/instant.ts';
import { mapped, type Pieces, sorted } from '../encoding/pieces.ts';
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
import { type Open, type Track, trackOf } from './track.ts';
import { reachedAt } from './waves.ts';

export interface Offers {
  /** Digests of the release manifests that may be installed. */
  readonly offered: ReadonlySet<string>;
  /** The same by component, newest first. */
  readonly of: (component: ComponentName) => readonly AnyRelease[];
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
  const track = yield* trackOf(input.catalog.rollouts, input.config.track, index);
  const { withdrawn } = track;
  const facts = classFactsOf(input, index);
  const halts = activeHalts(input.catalog.halts, input.now, facts);
  const running = runningChoices(input.current, index);
  const open = yield* track.openAt(input.now);
  const stopped = stoppedIn(track, open, [...input.quarantined, ...halts.keys()]);
  const offering = createOffering(input, index, { halts, open, withdrawn, stopped });
  const { offered, withheld, of, offer } = offering;
  const others = yield* mapped(open.others, ({ release, component, rollout }) => {
    const isHere = running.get(component)?.digest === release.digest;
    return { release, why: isHere ? null : delay(rollout, input, facts) };
  });
  yield* offerAll([...stopped.map((release) => ({ release, why: null })), ...others], offering);
  // A release on offer offers the required stop on the way to it: its own rollout may be long over.
  for (const [component, { version }] of running) {
    const releases = index.of(component);
    yield releases.length;
    const [highest] = of(component);
    const stop = firstStop(releases, version, withdrawn);
    if (highest !== undefined && stop !== undefined && isNewer(highest, stop)) yield* offer(stop, null);
  }
  for (const digest of withheld.keys()) if (offered.has(digest)) withheld.delete(digest);
  return {
    ...{ offered, of, withheld, withdrawn, halts },
    haltedAgainstOrders: haltedAgainstOrders(input.catalog, input.now, facts),
    ordersBeyondHalts: ordersBeyondHalts(input.catalog, input.now),
  };
}

type Why = Withheld['why'];

interface Offering extends Pick<Offers, 'offered' | 'of'> {
  readonly withheld: Map<string, Withheld>;
  readonly obstacle: (release: AnyRelease) => Why | null;
  /** With what it ships. */
  readonly offer: (release: AnyRelease, why: Why | null) => Pieces<void>;
}

interface Known extends Pick<Offers, 'halts' | 'withdrawn'> {
  readonly open: Open;
  /** Of that. */
  readonly stopped: readonly AnyRelease[];
}

/** Begins with what is open to everybody and has no obstacle here: that is most of a long history. */
function createOffering(
  { quarantined }: OfferInput,
  index: ReleaseIndex,
  { halts, open, withdrawn, stopped }: Known,
): Offering {
  const offered = new Set(open.digests);
  const withheld: Offering['withheld'] = new Map();
  /** Null until it is asked for. */
  const differing = new Map<ComponentName, readonly AnyRelease[] | null>();
  const obstacle = ({ digest }: AnyRelease): Why | null => {
    if (quarantined.has(digest)) return { kind: 'quarantined' };
    const halt = halts.get(digest);
    return halt === undefined
      ? null
      : { kind: 'halted', reason: halt.reason, until: instantMs(halt.expires) };
  };
  for (const release of stopped) {
    offered.delete(release.digest);
    differing.set(nameOf(release), null);
  }
  function* offer(release: AnyRelease, why: Why | null): Pieces<void> {
    const { digest } = release;
    if (withdrawn.has(digest) || offered.has(digest) || (why !== null && withheld.has(digest))) return;
    const reason = why ?? obstacle(release);
    if (reason === null) differing.set(nameOf(release), null);
    if (reason === null) offered.add(digest);
    else withheld.set(digest, describe(release, reason));
    yield 1;
    for (const child of yield* shippedBy(release, index)) yield* offer(child, reason);
  }
  const of: Offers['of'] = (component) => {
    const known = differing.get(component);
    if (known === undefined) return open.of.get(component) ?? [];
    const found = known ?? index.of(component).filter(({ digest }) => offered.has(digest));
    differing.set(component, found);
    return found;
  };
  return { offered, withheld, of, obstacle, offer };
}

interface Offer {
  readonly release: AnyRelease;
  readonly why: Why | null;
}

/** In order, so that of two that withhold a release, or what they ship, the same one always gives the reason. */
function* offerAll(offers: readonly Offer[], { obstacle, offer }: Offering): Pieces<void> {
  const isFree = ({ release, why }: Offer) => why === null && obstacle(release) === null;
  const free = offers.filter(isFree);
  const kept = offers.filter((one) => !isFree(one));
  for (const { release } of yield* sorted(free, byDigest)) yield* offer(release, null);
  for (const { release, why } of yield* sorted(kept, byDigest)) yield* offer(release, why);
}

function byDigest({ release: a }: Offer, { release: b }: Offer): number {
  return a.digest < b.digest ? -1 : 1;
}

/** What is open to everybody, and stopped here. */
function stoppedIn({ rollouts }: Track, { digests }: Open, stops: readonly string[]): readonly AnyRelease[] {
  const stopped = new Set(stops.filter((digest) => digests.has(digest)));
  if (stopped.size === 0) return [];
  return rollouts.map(({ release }) => release).filter(({ digest }) => stopped.has(digest));
}

function nameOf({ document }: AnyRelease): ComponentName {
  return componentNameOf(refOf(document));
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

function describe(release: AnyRelease, why: Why): Withheld {
  return { component: nameOf(release), version: release.document.version, release: release.digest, why };
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
