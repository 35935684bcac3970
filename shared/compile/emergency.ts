// Fixes by themselves: what runs, with the parts that advisories affect moved as little as possible; by an order of the vendor, or by the local policy.

import type { Pieces } from '../encoding/pieces.ts';
import { adoptSettings, settingsBetween } from './adopt.ts';
import { assemble } from './assemble.ts';
import { createContext, type Mandate } from './context.ts';
import { affectedAmong, openFrom } from './exposure.ts';
import { harden } from './harden.ts';
import { nameKeptAway } from './kept-away.ts';
import { brokenPins } from './pin-report.ts';
import { misconfigured } from './settings.ts';
import type { CompileInput, FixResult } from './target.ts';
import { waitingOrders } from './waves.ts';

/**
 * Orders that have not reached this install yet are left out, for another order would bring their fixes before their time. Where
 * there are no others, the target is what they will force, and says when.
 */
export function* compileEmergency(input: CompileInput): Pieces<FixResult> {
  const waiting = waitingOrders(input);
  if (waiting.size === 0) return yield* compileMoves(input, 'order');
  const advisories = input.catalog.advisories.filter(({ id }) => !waiting.has(id));
  const due = yield* compileMoves({ ...input, catalog: { ...input.catalog, advisories } }, 'order');
  if (due.target !== null) return due;
  const all = yield* compileMoves(input, 'order');
  const waits = Math.min(...all.advisories.map((id) => waiting.get(id) ?? input.now));
  return waits > input.now && all.target !== null ? { ...all, waits } : all;
}

/**
 * What the local policy wants closed though nobody orders it. Critical advisories count on the way, so that no fix leads into one;
 * why they stay open themselves is for the order to say.
 */
export function* compileFixes(input: CompileInput): Pieces<FixResult> {
  const { catalog, current, fixesFrom = 'critical' } = input;
  const wanted = openFrom(catalog.advisories, fixesFrom).filter(({ severity }) => severity !== 'critical');
  const affectedBy = affectedAmong(current?.manifest.components ?? []);
  if (!wanted.some((advisory) => affectedBy(advisory).length > 0)) return NOTHING_MOVES;
  const ids = new Set(wanted.map(({ id }) => id));
  const result = yield* compileMoves(input, 'policy');
  return { ...result, unfixable: result.unfixable.filter(({ advisory }) => ids.has(advisory)) };
}

export const NOTHING_MOVES: FixResult = {
  ...{ target: null, advisories: [], unfixable: [], overridden: [], misconfigured: [], adopted: [] },
  beside: [],
};

/**
 * Applies on every channel, and brings no ordinary update along. The configuration in force stays as well, for
 * a changed one is an ordinary update; but a setting that the fix asks for and that waits on disk is no reason to stay open.
 */
function* compileMoves(input: CompileInput, mandate: Mandate): Pieces<FixResult> {
  const inForce = input.current?.config ?? input.config;
  const context = yield* createContext({ ...input, config: inForce }, { onDisk: input.config, mandate });
  const { moves, forced, advisories, beside, unfixable: open } = yield* harden(context, context.running);
  const unfixable = mandate === 'policy' ? yield* nameKeptAway(context, context.running, open) : open;
  if (moves.size === 0 || input.current === null) return { ...NOTHING_MOVES, unfixable };
  const assignment = new Map([...context.running, ...moves]);
  const config = adoptSettings(moves.values(), inForce, input.config);
  const target = assemble({ ...context, input: { ...context.input, config } }, assignment, forced);
  return {
    target,
    advisories,
    unfixable,
    beside,
    overridden: yield* brokenPins(context, assignment),
    misconfigured: misconfigured(target),
    adopted: settingsBetween(inForce, config, moves.keys()),
  };
}
