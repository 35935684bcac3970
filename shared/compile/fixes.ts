// Fixes: where a critical advisory lets an affected component go, nearest first.

import { mapped, type Pieces } from '../encoding/pieces.ts';
import type { Advisory } from '../schema/advisory.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { compareVersions, type Version } from '../version/version.ts';
import { isConfigurable } from './adopt.ts';
import type { Context } from './context.ts';
import { firstStop } from './offers.ts';
import type { AnyRelease } from './releases.ts';
import { type Choice, choiceOf } from './running.ts';
import type { Unfixable } from './target.ts';

export interface Fix {
  /** The fixed version, or the required stop on the way to it. */
  readonly choice: Choice;
  /** How many critical advisories stay open with the fixed version. */
  readonly open: number;
  readonly isStop: boolean;
  /** Its settings are all given. */
  readonly isConfigured: boolean;
}

export interface Fixes {
  /** What could start with the settings of this install first, then fewest open advisories, then nearest. */
  readonly fixes: readonly Fix[];
  /** Why there is none. */
  readonly reason: Unfixable['reason'];
}

/**
 * Only versions an open advisory names as fixed: the security role says which, the releases role signed the bytes.
 * Such a version need not be rolled out, but it must be released and not withdrawn, halted or quarantined.
 */
export function* fixesFor(context: Context, component: ComponentName, from: Choice): Pieces<Fixes> {
  const advisories = context.holes(component, from.version);
  const named = advisories
    .flatMap((advisory) => advisory.fixed)
    .filter((fix) => fix.component === component && compareVersions(fix.version, from.version) > 0);
  const versions = [...new Set(named.map((fix) => fix.version))];
  const found = yield* mapped(
    versions,
    (version) => toFix(context, component, from, version),
    () => context.index.of(component).length,
  );
  const fixes = found.filter((one) => typeof one !== 'string').filter((fix) => fix.open < advisories.length);
  const running = context.running.get(component);
  // What was forced here before stays, rather than wander between equal fixes.
  const isHome = (fix: Fix) => (fix.choice.digest === running?.digest ? 0 : 1);
  // All are above what runs: the lowest is of the same minor line where one is, then of the same major.
  const sorted = fixes.toSorted(
    (a, b) =>
      Number(b.isConfigured) - Number(a.isConfigured) ||
      a.open - b.open ||
      isHome(a) - isHome(b) ||
      compareVersions(a.choice.version, b.choice.version),
  );
  return { fixes: sorted, reason: found.find((one) => typeof one === 'string') ?? 'no-fix' };
}

/** True where one of the orders has waited for halts as long as any may: none of them counts any more. */
export function isBeyondHalts({ offers }: Context, orders: readonly Advisory[]): boolean {
  return orders.some(({ id }) => offers.ordersBeyondHalts.has(id));
}

/** What lets no version be installed by force: the vendor took it back, stopped it, or it failed here. */
export function prohibition(
  context: Context,
  release: AnyRelease,
  beyondHalts: boolean,
): Extract<Unfixable['reason'], 'quarantined' | 'halted' | 'withdrawn'> | null {
  const { input, offers } = context;
  if (input.quarantined.has(release.digest)) return 'quarantined';
  if (offers.withdrawn.has(release.digest)) return 'withdrawn';
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
  const open = context.holes(component, version).length;
  const beyondHalts = isBeyondHalts(context, context.holes(component, from.version));
  if (release.digest === running?.digest) {
    return { choice: running, open, isStop: false, isConfigured: true };
  }
  const stop = firstStop(context.index.of(component), (running ?? from).version, context.offers.withdrawn);
  const isStop =
    running !== undefined && stop !== undefined && compareVersions(version, stop.document.version) > 0;
  const next = isStop ? stop : release;
  const isConfigured = isConfigurable(next, context.input.config, context.onDisk);
  return prohibition(context, next, beyondHalts) ?? { choice: choiceOf(next), open, isStop, isConfigured };
}
