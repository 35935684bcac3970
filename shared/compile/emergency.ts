// The emergency target: what runs, with the parts a critical advisory affects moved as little as possible.
import { assemble } from './assemble.ts';
import { createContext } from './context.ts';
import { harden } from './harden.ts';
import { brokenPins } from './pin-report.ts';
import { misconfigured } from './settings.ts';
import type { CompileInput, EmergencyResult } from './target.ts';

/** Applies on every channel and over pins, and brings no ordinary update along. */
export function compileEmergency(input: CompileInput): EmergencyResult {
  const context = createContext(withoutConfigChange(input));
  const { moves, forced, advisories, unfixable } = harden(context, context.running);
  if (moves.size === 0 || input.current === null) {
    return { target: null, advisories: [], unfixable, overridden: [], misconfigured: [] };
  }
  const assignment = new Map([...context.running, ...moves]);
  const target = assemble(context, assignment, forced);
  return {
    target,
    advisories,
    unfixable,
    overridden: brokenPins(context, assignment),
    misconfigured: misconfigured(target),
  };
}

/** The configuration in force stays as well: a changed one is an ordinary update. */
function withoutConfigChange(input: CompileInput): CompileInput {
  return { ...input, config: input.current?.config ?? input.config };
}
