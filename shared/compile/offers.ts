// Offers: which releases the vendor's rollouts let this instance install now, and what withholds the others.

import { instantMs } from '../encoding/instant.ts';
import { eachIn, mapped, type Pieces, sorted } from '../encoding/pieces.ts';
import { type ClassFacts, describeFacts, isOfferedTo, membershipIn } from '../schema/classes.ts';
import type { Release } from '../schema/release.ts';
import { type ComponentName, componentNameOf, refOf } from '../schema/release-ref.ts';
import type { Rollout } from '../schema/rollout.ts';
import { compareVersions, floorOf, type Version } from '../version/version.ts';
import { classFactsOf } from './facts.ts';
import { activeHalts, haltedAgainstOrders, ordersBeyondHalts } from './halts.ts';
import type { ReleaseIndex } from './release-index.ts';
import { type AnyRelease, billOfMaterials, type ScopedHalt } from './releases.ts';
import { runningChoices } from './running.ts';
import type { CompileInput, Withheld } from './target.ts';
import { type Open, trackOf } from './track.ts';
import { reachedAt } from './waves.ts';

export interface Offers {
  /** It may be installed. `digest` is that of its manifest. */
  readonly isOffered: (component: ComponentName, version: Version, digest: string) => boolean;
  /** All that may, newest first. */
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
  const stopped = yield* stoppedIn(open, index, new Set([...input.quarantined, ...halts.keys()]));
  const offering = createOffering(input, index, { halts, open, withdrawn, stopped });
  const { isOffered, withheld, of, offer } = offering;
  const others = yield* mapped(open.others, ({ release, component, rollout }) => {
    const isHere = running.get(component)?.digest === release.digest;
    return { release, why: isHere ? null : delay(rollout, input, facts) };
  });
  yield* offerAll([...stopped.map((release) => ({ release, why: null })), ...others], offering);
  // A release on offer offers the required stop on the way to it: its own rollout may be long over.
  for (const [component, { version }] of running) {
    const stops = index.stopsOf(component);
    yield 1 + stops.length;
    const stop = firstStop(stops, version, withdrawn);
    const [highest] = stop === undefined ? [] : of(component);
    if (highest !== undefined && stop !== undefined && isNewer(highest, stop)) yield* offer(stop, null);
  }
  for (const [digest, { component, version }] of withheld) {
    if (isOffered(component, version, digest)) withheld.delete(digest);
  }
  return {
    ...{ isOffered, of, withheld, withdrawn, halts },
    haltedAgainstOrders: haltedAgainstOrders(input.catalog, input.now, facts),
    ordersBeyondHalts: ordersBeyondHalts(input.catalog, input.now),
  };
}

type Why = Withheld['why'];

interface Offering extends Pick<Offers, 'isOffered' | 'of'> {
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
  const marks = open.marks.slice();
  const withheld: Offering['withheld'] = new Map();
  const lists = new Map<ComponentName, readonly AnyRelease[]>();
  const positionOf = ({ document }: AnyRelease) => index.positionOf(nameOf(document), document.version);
  const mark = (release: AnyRelease, is: 0 | 1) => {
    marks[positionOf(release)] = is;
    lists.delete(nameOf(release.document));
  };
  const obstacle = ({ digest }: AnyRelease): Why | null => {
    if (quarantined.has(digest)) return { kind: 'quarantined' };
    const halt = halts.get(digest);
    return halt === undefined
      ? null
      : { kind: 'halted', reason: halt.reason, until: instantMs(halt.expires) };
  };
  for (const release of stopped) mark(release, 0);
  function* offer(release: AnyRelease, why: Why | null): Pieces<void> {
    const { digest } = release;
    const isMarked = marks[positionOf(release)] === 1;
    if (withdrawn.has(digest) || isMarked || (why !== null && withheld.has(digest))) return;
    const reason = why ?? obstacle(release);
    if (reason === null) mark(release, 1);
    else withheld.set(digest, describe(release, reason));
    yield 1;
    for (const child of yield* shippedBy(release, index)) yield* offer(child, reason);
  }
  const of: Offers['of'] = (component) => {
    const known = lists.get(component);
    if (known !== undefined) return known;
    const releases = index.of(component);
    const start = releases[0] === undefined ? 0 : positionOf(releases[0]);
    const isOpen = marks.subarray(start, start + releases.length);
    const found = isOpen.includes(0) ? releases.filter((_, i) => isOpen[i] === 1) : releases;
    lists.set(component, found);
    return found;
  };
  const isOffered: Offers['isOffered'] = (component, version, digest) => {
    const position = index.positionOf(component, version);
    return marks[position] === 1 && index.all[position]?.digest === digest;
  };
  return { isOffered, withheld, of, obstacle, offer };
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
function* stoppedIn(
  { marks }: Open,
  index: ReleaseIndex,
  stops: ReadonlySet<string>,
): Pieces<readonly AnyRelease[]> {
  const stopped: AnyRelease[] = [];
  if (stops.size === 0) return stopped;
  yield* eachIn(
    index.all,
    (release, i) => marks[i] === 1 && stops.has(release.digest) && stopped.push(release),
  );
  return stopped;
}

function nameOf(document: Release): ComponentName {
  return componentNameOf(refOf(document));
}

function isNewer(a: AnyRelease, b: AnyRelease): boolean {
  return compareVersions(a.document.version, b.document.version) > 0;
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
  return {
    component: nameOf(release.document),
    version: release.document.version,
    release: release.digest,
    why,
  };
}

/** The lowest required stop above a version, of those of its component. A withdrawn one binds nobody, or nobody could ever pass it. */
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
