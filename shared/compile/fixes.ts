// Fixes: where the open advisories let an affected component go, nearest first.

import { mapped, type Pieces } from '../encoding/pieces.ts';
import type { Advisory } from '../schema/advisory.ts';
import type { Pin } from '../schema/pin.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { compareVersions, type Version } from '../version/version.ts';
import { isConfigurable } from './adopt.ts';
import type { Context } from './context.ts';
import { compareHoles } from './exposure.ts';
import { firstStop } from './offers.ts';
import { selectPinned } from './pins.ts';
import type { AnyRelease } from './releases.ts';
import { type Choice, choiceOf } from './running.ts';
import type { Unfixable, Withheld } from './target.ts';

export interface Fix {
  /** The fixed version, or the required stop on the way to it. */
  readonly choice: Choice;
  /** The advisories that stay open with the fixed version. */
  readonly open: readonly Advisory[];
  readonly isStop: boolean;
  /** Its settings are all given. */
  readonly isConfigured: boolean;
}

export interface Fixes {
  /** What could start with the settings of this install first, then what leaves the least open, then nearest. */
  readonly fixes: readonly Fix[];
  /** Why there is none. */
  readonly reason: Unfixable['reason'];
  /** The nearest that a rollout keeps back. */
  readonly withheld?: Withheld;
}

/**
 * Only versions an open advisory names as fixed: the security role says which, the releases role signed the bytes.
 * Such a version need not be rolled out, but it must be released and not withdrawn, halted or quarantined.
 */
export function* fixesFor(context: Context, component: ComponentName, from: Choice): Pieces<Fixes> {
  const advisories = context.holes.of(component, from.version);
  const named = advisories
    .flatMap((advisory) => advisory.fixed)
    .filter((fix) => fix.component === component && compareVersions(fix.version, from.version) > 0);
  const versions = [...new Set(named.map((fix) => fix.version))];
  const found = yield* mapped(
    versions,
    (version) => toFix(context, component, from, version),
    () => context.index.of(component).length,
  );
  const fixes = found
    .filter((one) => typeof one !== 'string')
    .filter((fix) => compareHoles(fix.open, advisories) < 0);
  const running = context.running.get(component);
  // What was forced here before stays, rather than wander between equal fixes.
  const isHome = (fix: Fix) => (fix.choice.digest === running?.digest ? 0 : 1);
  // All are above what runs: the lowest is of the same minor line where one is, then of the same major.
  const sorted = fixes.toSorted(
    (a, b) =>
      Number(b.isConfigured) - Number(a.isConfigured) ||
      compareHoles(a.open, b.open) ||
      isHome(a) - isHome(b) ||
      compareVersions(a.choice.version, b.choice.version),
  );
  const reason = found.find((one) => typeof one === 'string') ?? 'no-fix';
  return context.mandate === 'order'
    ? { fixes: sorted, reason }
    : behindRollouts(context, component, versions, { fixes: sorted, reason });
}

/** Who is in no hurry waits for a nearer fix whose wave is to come, rather than take one that leads farther. */
function behindRollouts(
  { index, offers, trials }: Context,
  component: ComponentName,
  versions: readonly Version[],
  { fixes, reason }: Fixes,
): Fixes {
  const kept = versions
    .toSorted(compareVersions)
    .map((version) => index.find(component, version)?.digest ?? '')
    .flatMap((digest) => offers.withheld.get(digest) ?? trials.get(digest) ?? []);
  const coming = kept.find(({ why }) => why.kind === 'wave');
  const near = fixes.filter(
    ({ choice }) => coming === undefined || compareVersions(choice.version, coming.version) < 0,
  );
  const isKept = near.length === 0 && (reason === 'withheld' || fixes.length > 0);
  const withheld = coming ?? kept.find(({ why }) => why.kind === 'class' || why.kind === 'paused');
  return isKept && withheld !== undefined
    ? { fixes: near, reason: 'withheld', withheld }
    : { fixes: near, reason };
}

/** True where one of the orders has waited for halts as long as any may: none of them counts any more. */
export function isBeyondHalts({ offers }: Context, orders: readonly Advisory[]): boolean {
  return orders.some(({ id }) => offers.ordersBeyondHalts.has(id));
}

/** The pins on the component itself that do not allow the version, as the next ordinary update will read them. */
export function pinsAgainst(
  { offers, pins }: Context,
  component: ComponentName,
  version: Version,
): readonly Pin[] {
  const own = pins.on(component);
  if (own.length === 0) return [];
  const offered = offers.of(component);
  const versions = [...new Set([...offered.map(({ document }) => document.version), version])];
  const newestFirst = versions.sort((a, b) => compareVersions(b, a));
  return own.filter((pin) => !selectPinned(pin, newestFirst).includes(version));
}

/** What lets no version be installed by itself: the vendor took it back, stopped it, or it failed here; and without an order, a rollout that is not for this install yet. */
export function prohibition(
  context: Context,
  release: AnyRelease,
  beyondHalts: boolean,
): Extract<Unfixable['reason'], 'quarantined' | 'halted' | 'withdrawn' | 'withheld'> | null {
  const { input, offers, trials, mandate } = context;
  if (input.quarantined.has(release.digest)) return 'quarantined';
  if (offers.withdrawn.has(release.digest)) return 'withdrawn';
  if (mandate === 'policy') {
    if (offers.halts.has(release.digest)) return 'halted';
    return offers.withheld.has(release.digest) || trials.has(release.digest) ? 'withheld' : null;
  }
  return !beyondHalts && offers.haltedAgainstOrders.has(release.digest) ? 'halted' : null;
}

function toFix(
  context: Context,
  component: ComponentName,
  from: Choice,
  version: Version,
): Fix | Unfixable['reason'] {
  const running = context.running.get(component);
  const release = context.index.find(component, version);
  if (release === undefined) return 'not-released';
  const open = context.holes.of(component, version);
  const before = context.holes.of(component, from.version);
  const beyondHalts = isBeyondHalts(context, before);
  if (release.digest === running?.digest) {
    return { choice: running, open, isStop: false, isConfigured: true };
  }
  const stop = firstStop(
    context.index.stopsOf(component),
    (running ?? from).version,
    context.offers.withdrawn,
  );
  const isStop =
    running !== undefined && stop !== undefined && compareVersions(version, stop.document.version) > 0;
  const next = isStop ? stop : release;
  const isConfigured = isConfigurable(next, context.input.config, context.onDisk);
  if (context.mandate === 'policy') {
    if (pinsAgainst(context, component, next.document.version).length > 0) return 'pinned';
    // From a stop that is worse the way on may be closed for long. An order has no other way.
    const atStop = isStop ? context.holes.of(component, next.document.version) : [];
    if (compareHoles(atStop, before) > 0) return 'affected';
  }
  return prohibition(context, next, beyondHalts) ?? { choice: choiceOf(next), open, isStop, isConfigured };
}
