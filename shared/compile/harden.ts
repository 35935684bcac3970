// Hardening: the components that open advisories affect, each at its nearest fix, and the least that has to move with them.

import type { Pieces } from '../encoding/pieces.ts';
import type { Advisory } from '../schema/advisory.ts';
import type { ComponentKey } from '../schema/common.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { compareVersions } from '../version/version.ts';
import { findBeside } from './beside.ts';
import type { Context } from './context.ts';
import { compareHoles } from './exposure.ts';
import { type Fixes, fixesFor, isBeyondHalts } from './fixes.ts';
import { type Assignment, createRepairs, rearrangingLooks } from './repair.ts';
import type { Choice } from './running.ts';
import type { Beside, Unfixable } from './target.ts';
import { isCapabilityName } from './variables.ts';

export interface Hardened {
  /** Affected components and what their fixes require. */
  readonly moves: ReadonlyMap<ComponentName, Choice>;
  /** The advisory behind each move. */
  readonly forced: ReadonlyMap<ComponentName, string>;
  /** Every advisory the moves answer, by id. */
  readonly advisories: readonly string[];
  readonly unfixable: readonly Unfixable[];
  readonly beside: readonly Beside[];
}

interface Affected extends Fixes {
  readonly component: ComponentKey;
  readonly from: Choice;
  readonly advisories: readonly Advisory[];
}

/**
 * Arrangements looked at in all: far more than real closures need, and the same on every machine. One half is for all fixes at
 * once; the other is shared among the components, for none may keep another from its fix.
 */
const BUDGET = 32_000;
const LEAST_BUDGET = 64;

/** `base`: what runs, or what is to. */
export function* harden(context: Context, base: Assignment): Pieces<Hardened> {
  const affected = yield* affectedIn(context, base);
  const moves = yield* fixAll(context, base, affected);
  const answers = new Map(affected.map((one) => [one.component as string, answeredBy(context, one, moves)]));
  const advisories = [...new Set([...answers.values()].flat())].sort();
  const [first = ''] = advisories;
  return {
    moves,
    forced: new Map([...moves.keys()].map((name) => [name, answers.get(name)?.[0] ?? first])),
    advisories,
    unfixable: affected.flatMap((one) => stillOpen(context, one, moves)),
    beside: findBeside(context, base, moves, new Set(affected.map(({ component }) => component))),
  };
}

/** In the order of `base`, whose capabilities are in order by name. */
function* affectedIn(context: Context, base: Assignment): Pieces<readonly Affected[]> {
  const affected: Affected[] = [];
  for (const [name, from] of base) {
    if (from === null || !isCapabilityName(name)) continue;
    const component = name as ComponentKey;
    const advisories = context.holes.of(component, from.version);
    if (advisories.length === 0) continue;
    affected.push({ component, from, advisories, ...(yield* fixesFor(context, component, from)) });
  }
  return affected;
}

/**
 * All at once where that works; else one after the other, keeping each that goes together with those before: with moves for all of
 * these that are found anew, or on top of those that they have.
 */
function* fixAll(
  context: Context,
  base: Assignment,
  affected: readonly Affected[],
): Pieces<Hardened['moves']> {
  const looks = rearrangingLooks(context);
  const repair = createRepairs(context, base, looks);
  const known = affected.filter((one) => one.fixes.length > 0);
  const ready = known.filter(({ fixes }) => fixes.some(({ isConfigured }) => isConfigured));
  // One that lacks a setting keeps no other from its fix: it is asked for when the others have theirs.
  const fixable = ready.length > 0 ? ready : known;
  const half = BUDGET / 2;
  const each = Math.max(LEAST_BUDGET, Math.floor(half / fixable.length));
  const together = yield* attempt(context, repair, fixable, half);
  if (together !== null) return together;
  let kept: readonly Affected[] = [];
  let moves: Hardened['moves'] = new Map();
  let onTop: typeof repair | null = null;
  for (const one of fixable) {
    let all = yield* attempt(context, repair, [...kept, one], each);
    if (all === null && onTop !== null) {
      const before = kept.map((other) => settled(other, moves));
      const more = yield* attempt(context, onTop, [...before, one], each);
      all = more === null ? null : new Map([...moves, ...more]);
    }
    if (all === null) continue;
    kept = [...kept, one];
    moves = all;
    onTop = createRepairs(context, new Map([...base, ...moves]), looks);
  }
  return moves;
}

/** At the fix that it has, and at no other. */
function settled(one: Affected, moves: Hardened['moves']): Affected {
  const digest = moves.get(one.component)?.digest;
  return { ...one, fixes: one.fixes.filter(({ choice }) => choice.digest === digest) };
}

/** Best fixes or any, pins respected or not. */
const WAYS = 4;

/** Leaving fewest advisories open comes first, then leaving pins alone, then moving little. */
function* attempt(
  context: Context,
  repair: ReturnType<typeof createRepairs>,
  affected: readonly Affected[],
  looks: number,
): Pieces<Hardened['moves'] | null> {
  const budget = Math.ceil(looks / WAYS);
  const beyondHalts = affected.every(({ advisories }) => isBeyondHalts(context, advisories));
  for (const best of [true, false]) {
    const forced = affected.map(({ component, fixes }) => ({
      component,
      to: fixes
        .filter((fix) => !best || compareHoles(fix.open, fixes[0]?.open ?? []) === 0)
        .map((fix) => fix.choice),
    }));
    for (const respectPins of context.mandate === 'policy' ? [true] : [true, false]) {
      const moves = yield* repair({ forced, respectPins, beyondHalts, budget });
      if (moves !== null) return moves;
    }
  }
  return null;
}

function answeredBy(context: Context, one: Affected, moves: Hardened['moves']): readonly string[] {
  const to = moves.get(one.component);
  if (to === undefined) return [];
  const left = isStop(one, to) ? [] : context.holes.of(one.component, to.version);
  return one.advisories.filter((advisory) => !left.includes(advisory)).map((advisory) => advisory.id);
}

function stillOpen(context: Context, one: Affected, moves: Hardened['moves']): readonly Unfixable[] {
  const { component, from } = one;
  const to = moves.get(component);
  if (to !== undefined && isStop(one, to)) return [];
  const version = to?.version ?? from.version;
  const isReady = one.fixes.some(({ isConfigured }) => isConfigured);
  const unmoved = isReady ? 'constraints' : 'misconfigured';
  const reason = to === undefined && one.fixes.length > 0 ? unmoved : one.reason;
  // Two advisories may each name what the other affects: a fix is named then, and none helps.
  const isNamed = ({ fixed }: Advisory) =>
    fixed.some((fix) => fix.component === component && compareVersions(fix.version, version) > 0);
  return context.holes.of(component, version).map((advisory) => ({
    advisory: advisory.id,
    component,
    version,
    reason: reason === 'no-fix' && isNamed(advisory) ? 'affected' : reason,
    ...(to === undefined && reason === 'withheld' && one.withheld !== undefined
      ? { withheld: one.withheld }
      : {}),
  }));
}

/** A required stop may still be affected: the fix is the next hop. */
function isStop(one: Affected, to: Choice): boolean {
  return one.fixes.some((fix) => fix.isStop && fix.choice.digest === to.digest);
}
