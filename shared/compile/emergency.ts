// The emergency target: what runs, with the parts a critical advisory affects moved as little as possible.
import { adoptSettings, settingsBetween } from './adopt.ts';
import { assemble } from './assemble.ts';
import { createContext } from './context.ts';
import { harden } from './harden.ts';
import { brokenPins } from './pin-report.ts';
import { misconfigured } from './settings.ts';
import type { CompileInput, EmergencyResult } from './target.ts';

/**
 * Applies on every channel and over pins, and brings no ordinary update along. The configuration in force stays as well, for
 * a changed one is an ordinary update; but a setting that the fix asks for and that waits on disk is no reason to stay open.
 */
export function compileEmergency(input: CompileInput): EmergencyResult {
  const inForce = input.current?.config ?? input.config;
  const context = createContext({ ...input, config: inForce }, input.config);
  const { moves, forced, advisories, unfixable } = harden(context, context.running);
  if (moves.size === 0 || input.current === null) {
    return { target: null, advisories: [], unfixable, overridden: [], misconfigured: [], adopted: [] };
  }
  const assignment = new Map([...context.running, ...moves]);
  const config = adoptSettings(moves.values(), inForce, input.config);
  const target = assemble({ ...context, input: { ...context.input, config } }, assignment, forced);
  return {
    target,
    advisories,
    unfixable,
    overridden: brokenPins(context, assignment),
    misconfigured: misconfigured(target),
    adopted: settingsBetween(inForce, config, moves.keys()),
  };
}
